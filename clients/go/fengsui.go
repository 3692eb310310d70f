// Package fengsui is a client of the Fengsui national-crypto service: this file, and
// github.com/emmansun/gmsm beside it.
//
// Keys stay at the service; signatures are verified here or there. Every refusal is a *Refused with
// a code to decide by. A client may be shared between goroutines.
package fengsui

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/smx509"
)

const (
	requestID = "fengsui/request/1"
	// DefaultID is the ID of signers who name none.
	DefaultID   = "1234567812345678"
	attemptsMax = 4
	waitMax     = 30 * time.Second
	answerMax   = 32 << 20
)

// Refused is what the service did not do; decide by Code.
type Refused struct {
	Status int            `json:"status"`
	Code   string         `json:"code"`
	Detail string         `json:"detail"`
	Params map[string]any `json:"params"`
}

func (refused *Refused) Error() string {
	return fmt.Sprintf("%s [%s]", refused.Detail, refused.Code)
}

// Client calls as one application, by Token, or by Key where there is one.
type Client struct {
	Base, Application, Token string
	Key                      *sm2.PrivateKey
	HTTP                     http.Client
}

// Signature is DER, and which version of which key made it.
type Signature struct {
	Signature []byte `json:"signature"`
	Key       string `json:"key"`
	Version   int    `json:"version"`
}

// Call posts a body to an operation, or gets when there is none, and reads the answer into into.
// 429 and 503 are repeated, each attempt with a nonce of its own.
func (client *Client) Call(path string, body, into any) error {
	method, sent := "GET", []byte(nil)
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return err
		}
		method = "POST"
	}
	pause := 200 * time.Millisecond
	for attempt := 1; ; attempt++ {
		status, header, answer, err := client.attempt(method, path, sent)
		if err == nil && status < 300 {
			return json.Unmarshal(answer, into)
		}
		if err == nil {
			refused := &Refused{Status: status}
			if json.Unmarshal(answer, refused) != nil || refused.Code == "" {
				return fmt.Errorf("status %d without a problem: is there a proxy in between?", status)
			}
			err = refused
			if status != 429 && status != 503 {
				return err
			}
			if seconds, bad := strconv.Atoi(header.Get("Retry-After")); bad == nil {
				if asked := time.Duration(seconds) * time.Second; asked > pause {
					pause = asked
				}
			}
		}
		if attempt == attemptsMax || pause > waitMax {
			return err
		}
		time.Sleep(pause)
		pause *= 2
	}
}

func (client *Client) attempt(method, path string, body []byte) (int, http.Header, []byte, error) {
	asked, err := http.NewRequest(method, strings.TrimRight(client.Base, "/")+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	// What the signature covers is what goes into the request line.
	authorization, err := client.authorization(method, asked.URL.RequestURI(), body)
	if err != nil {
		return 0, nil, nil, err
	}
	asked.Header.Set("Authorization", authorization)
	asked.Header.Set("Accept-Language", "en")
	if method == "POST" {
		asked.Header.Set("Content-Type", "application/json")
	}
	answer, err := client.HTTP.Do(asked)
	if err != nil {
		return 0, nil, nil, err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(io.LimitReader(answer.Body, answerMax))
	return answer.StatusCode, answer.Header, content, err
}

func (client *Client) authorization(method, target string, body []byte) (string, error) {
	if client.Key == nil {
		return "Bearer " + client.Token, nil
	}
	random := make([]byte, 18)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	return SignRequest(client.Key, client.Application, method, target, body,
		time.Now().Unix(), base64.RawURLEncoding.EncodeToString(random))
}

// SignRequest returns the Authorization header of one request.
func SignRequest(key *sm2.PrivateKey, application, method, target string, body []byte,
	timestamp int64, nonce string) (string, error) {
	id := sm3.Sum(Point(&key.PublicKey))
	credential := application + "." + hex.EncodeToString(id[:8])
	digest := sm3.Sum(body)
	text := fmt.Sprintf("FENGSUI-SM2/1\n%s\n%s\n%d\n%s\n%s\n%x",
		method, target, timestamp, nonce, credential, digest)
	der, err := key.SignWithSM2(rand.Reader, []byte(requestID), []byte(text))
	if err != nil {
		return "", err
	}
	var pair struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &pair); err != nil {
		return "", err
	}
	raw := make([]byte, 64)
	pair.R.FillBytes(raw[:32])
	pair.S.FillBytes(raw[32:])
	return fmt.Sprintf("Fengsui-SM2 credential=%s,timestamp=%d,nonce=%s,signature=%s",
		credential, timestamp, nonce, base64.StdEncoding.EncodeToString(raw)), nil
}

// Sign signs a message under the default ID.
func (client *Client) Sign(key string, message []byte) (made Signature, err error) {
	err = client.Call("/v1/crypto/sign", map[string]any{"key": key, "message": message}, &made)
	return
}

// Verify returns nil only for a valid signature of a key of the service.
func (client *Client) Verify(key string, message, signature []byte) error {
	return client.Call("/v1/crypto/verify",
		map[string]any{"key": key, "message": message, "signature": signature}, &struct{}{})
}

// VerifyForeign returns nil only for a valid signature of another public key.
func (client *Client) VerifyForeign(public *ecdsa.PublicKey, message, signature []byte) error {
	return client.Call("/v1/crypto/verify", map[string]any{
		"public_key": Point(public), "message": message, "signature": signature}, &struct{}{})
}

// Decrypt opens what was encrypted to a key of the service.
func (client *Client) Decrypt(key string, ciphertext []byte) ([]byte, error) {
	var found struct{ Plaintext []byte }
	err := client.Call("/v1/crypto/decrypt",
		map[string]any{"key": key, "ciphertext": ciphertext}, &found)
	return found.Plaintext, err
}

// Digest is SM3 by the service.
func (client *Client) Digest(message []byte) ([]byte, error) {
	var found struct{ Digest []byte }
	err := client.Call("/v1/crypto/digest", map[string]any{"message": message}, &found)
	return found.Digest, err
}

// PublicKey is the public half of a version of a key, the newest for 0. Keep it: it never changes.
func (client *Client) PublicKey(key string, version int) (*ecdsa.PublicKey, error) {
	var found struct {
		Versions []struct {
			Version   int
			PublicKey string `json:"public_key"`
		}
	}
	if err := client.Call("/v1/crypto/keys/"+url.PathEscape(key), nil, &found); err != nil {
		return nil, err
	}
	for at := len(found.Versions) - 1; at >= 0; at-- {
		if one := found.Versions[at]; version == 0 || one.Version == version {
			point, err := hex.DecodeString(one.PublicKey)
			if err != nil {
				return nil, err
			}
			return PointKey(point)
		}
	}
	return nil, fmt.Errorf("%s has no version %d", key, version)
}

// VerifyLocally verifies here. It says nothing of whether the key was disabled since.
func VerifyLocally(public *ecdsa.PublicKey, message, signature []byte) error {
	if !sm2.VerifyASN1WithSM2(public, []byte(DefaultID), message, signature) {
		return errors.New("the signature is not valid")
	}
	return nil
}

// SignLocally signs with a key of one's own under the default ID.
func SignLocally(key *sm2.PrivateKey, message []byte) ([]byte, error) {
	return key.SignWithSM2(rand.Reader, []byte(DefaultID), message)
}

// Point is 04, x and y: 65 bytes.
func Point(key *ecdsa.PublicKey) []byte {
	point := make([]byte, 65)
	point[0] = 4
	key.X.FillBytes(point[1:33])
	key.Y.FillBytes(point[33:])
	return point
}

// PointKey is the key of a point, which must lie on the curve.
func PointKey(point []byte) (*ecdsa.PublicKey, error) {
	if len(point) == 65 && point[0] == 4 {
		x, y := new(big.Int).SetBytes(point[1:33]), new(big.Int).SetBytes(point[33:])
		if sm2.P256().IsOnCurve(x, y) {
			return &ecdsa.PublicKey{Curve: sm2.P256(), X: x, Y: y}, nil
		}
	}
	return nil, errors.New("not a public key of SM2")
}

// LoadKey reads PKCS#8 in PEM.
func LoadKey(path string) (*sm2.PrivateKey, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, errors.New(path + " is not PEM")
	}
	key, err := smx509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	found, ok := key.(*sm2.PrivateKey)
	if !ok {
		return nil, errors.New(path + " holds no SM2 key")
	}
	return found, nil
}
