// Command check is the self-check: what it reads from the environment stands in ../../README.md.
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"

	fengsui "fengsui/client"
)

func main() {
	found := map[string]any{"client": "go"}
	client := fengsui.Client{Base: os.Getenv("FENGSUI_URL"), Application: os.Getenv("FENGSUI_APPLICATION"),
		Token: os.Getenv("FENGSUI_TOKEN"), HTTP: http.Client{Timeout: 10 * time.Second}}
	if client.Token != "" {
		found["bearer"] = must(round(&client))
	}
	if path := os.Getenv("FENGSUI_KEY_FILE"); path != "" {
		client.Key = must(fengsui.LoadKey(path))
		found["signed"] = must(round(&client))
	}
	line := must(json.Marshal(found))
	fmt.Println(string(line))
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func round(client *fengsui.Client) (map[string]any, error) {
	key, box := os.Getenv("FENGSUI_SIGN_KEY"), os.Getenv("FENGSUI_BOX_KEY")
	message := make([]byte, 100)
	if _, err := rand.Read(message); err != nil {
		return nil, err
	}
	made, err := client.Sign(key, message)
	if err != nil {
		return nil, err
	}
	public, err := client.PublicKey(key, made.Version)
	if err != nil {
		return nil, err
	}
	serviceSigns := fengsui.VerifyLocally(public, message, made.Signature) == nil
	own, err := sm2.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	signature, err := fengsui.SignLocally(own, message)
	if err != nil {
		return nil, err
	}
	clientSigns := client.VerifyForeign(&own.PublicKey, message, signature) == nil
	if public, err = client.PublicKey(box, 0); err != nil {
		return nil, err
	}
	sealed, err := sm2.EncryptASN1(rand.Reader, public, message)
	if err != nil {
		return nil, err
	}
	opened, err := client.Decrypt(box, sealed)
	if err != nil {
		return nil, err
	}
	digest, err := client.Digest(message)
	if err != nil {
		return nil, err
	}
	expected, wrong := sm3.Sum(message), ""
	var refused *fengsui.Refused
	if errors.As(client.Verify(key, append(message, '!'), made.Signature), &refused) {
		wrong = refused.Code
	}
	return map[string]any{"service_signs": serviceSigns, "client_signs": clientSigns,
		"client_encrypts": bytes.Equal(opened, message),
		"digest":          bytes.Equal(digest, expected[:]), "wrong_signature": wrong}, nil
}
