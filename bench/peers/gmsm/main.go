// gmsm in the line protocol of the peers (see ../README.md).
package main

import (
	"bufio"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/emmansun/gmsm/padding"
	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/sm4"
)

type verb func(given [][]byte) ([][]byte, error)

var errRefused = errors.New("refused")

func private(scalar []byte) *sm2.PrivateKey {
	key := new(sm2.PrivateKey)
	key.Curve = sm2.P256()
	key.D = new(big.Int).SetBytes(scalar)
	key.X, key.Y = key.Curve.ScalarBaseMult(scalar)
	return key
}

func public(point []byte) (*ecdsa.PublicKey, error) {
	if len(point) != 65 {
		return nil, errRefused
	}
	x, y := new(big.Int).SetBytes(point[1:33]), new(big.Int).SetBytes(point[33:])
	if !sm2.P256().IsOnCurve(x, y) {
		return nil, errRefused
	}
	return &ecdsa.PublicKey{Curve: sm2.P256(), X: x, Y: y}, nil
}

func encoded(key *ecdsa.PublicKey) []byte {
	point := make([]byte, 65)
	point[0] = 4
	key.X.FillBytes(point[1:33])
	key.Y.FillBytes(point[33:])
	return point
}

func one(value []byte, err error) ([][]byte, error) {
	return [][]byte{value}, err
}

func sign(given [][]byte) ([][]byte, error) {
	return one(private(given[0]).SignWithSM2(rand.Reader, given[1], given[2]))
}

func verify(given [][]byte) ([][]byte, error) {
	key, err := public(given[0])
	if err == nil && !sm2.VerifyASN1WithSM2(key, given[1], given[2], given[3]) {
		err = errRefused
	}
	return nil, err
}

func encrypt(given [][]byte) ([][]byte, error) {
	key, err := public(given[0])
	if err != nil {
		return nil, err
	}
	return one(sm2.EncryptASN1(rand.Reader, key, given[1]))
}

func decrypt(given [][]byte) ([][]byte, error) {
	return one(private(given[0]).Decrypt(rand.Reader, given[1], sm2.ASN1DecrypterOpts))
}

func digest(given [][]byte) ([][]byte, error) {
	sum := sm3.Sum(given[0])
	return one(sum[:], nil)
}

func mac(given [][]byte) ([][]byte, error) {
	state := hmac.New(sm3.New, given[0])
	state.Write(given[1])
	return one(state.Sum(nil), nil)
}

func cbcEncrypt(given [][]byte) ([][]byte, error) {
	block, err := sm4.NewCipher(given[0])
	if err != nil {
		return nil, err
	}
	data := padding.NewPKCS7Padding(16).Pad(given[2])
	cipher.NewCBCEncrypter(block, given[1]).CryptBlocks(data, data)
	return one(data, nil)
}

func cbcDecrypt(given [][]byte) ([][]byte, error) {
	block, err := sm4.NewCipher(given[0])
	if err != nil || len(given[2])%16 != 0 {
		return nil, errRefused
	}
	data := append([]byte(nil), given[2]...)
	cipher.NewCBCDecrypter(block, given[1]).CryptBlocks(data, data)
	return one(padding.NewPKCS7Padding(16).Unpad(data))
}

func ctr(given [][]byte) ([][]byte, error) {
	block, err := sm4.NewCipher(given[0])
	if err != nil {
		return nil, err
	}
	data := make([]byte, len(given[2]))
	cipher.NewCTR(block, given[1]).XORKeyStream(data, given[2])
	return one(data, nil)
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := sm4.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func gcmSeal(given [][]byte) ([][]byte, error) {
	mode, err := gcm(given[0])
	if err != nil {
		return nil, err
	}
	return one(mode.Seal(nil, given[1], given[2], given[3]), nil)
}

func gcmOpen(given [][]byte) ([][]byte, error) {
	mode, err := gcm(given[0])
	if err != nil {
		return nil, err
	}
	return one(mode.Open(nil, given[1], given[2], given[3]))
}

// The key exchange takes two lines a side, so one run is kept between them.
var run *sm2.KeyExchange

func begin(given [][]byte) error {
	key, err := public(given[2])
	if err != nil {
		return err
	}
	length := int(new(big.Int).SetBytes(given[4]).Int64())
	run, err = sm2.NewKeyExchange(private(given[0]), key, given[1], given[3], length, true)
	return err
}

func initiate(given [][]byte) ([][]byte, error) {
	if err := begin(given); err != nil {
		return nil, err
	}
	point, err := run.InitKeyExchange(rand.Reader)
	if err != nil {
		return nil, err
	}
	return one(encoded(point), nil)
}

func finish(given [][]byte) ([][]byte, error) {
	point, err := public(given[0])
	if err != nil {
		return nil, err
	}
	key, confirmation, err := run.ConfirmResponder(point, given[1])
	return [][]byte{key, confirmation}, err
}

func respond(given [][]byte) ([][]byte, error) {
	if err := begin(given); err != nil {
		return nil, err
	}
	theirs, err := public(given[5])
	if err != nil {
		return nil, err
	}
	point, confirmation, err := run.RepondKeyExchange(rand.Reader, theirs)
	if err != nil {
		return nil, err
	}
	return [][]byte{encoded(point), confirmation}, nil
}

func confirm(given [][]byte) ([][]byte, error) {
	return one(run.ConfirmInitiator(given[0]))
}

var verbs = map[string]verb{
	"sign": sign, "verify": verify, "encrypt": encrypt, "decrypt": decrypt,
	"sm3": digest, "hmac": mac,
	"sm4_cbc_encrypt": cbcEncrypt, "sm4_cbc_decrypt": cbcDecrypt, "sm4_ctr": ctr,
	"sm4_gcm_seal": gcmSeal, "sm4_gcm_open": gcmOpen,
	"initiate": initiate, "finish": finish, "respond": respond, "confirm": confirm,
}

func name() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if strings.HasSuffix(module.Path, "/gmsm") {
			return "gmsm " + module.Version
		}
	}
	return "gmsm"
}

func answer(words []string) (text string) {
	// A library that panics at bad input has refused it, in its way.
	defer func() {
		if found := recover(); found != nil {
			text = fmt.Sprintf("refused panic: %v", found)
		}
	}()
	if words[0] == "hello" {
		return "ok " + name()
	}
	if words[0] == "time" {
		count, _ := strconv.Atoi(words[2])
		return timed(words[1], count)
	}
	act, known := verbs[words[0]]
	if !known {
		return "missing no such verb"
	}
	given := make([][]byte, 0, len(words))
	for _, word := range words[1:] {
		value, err := hex.DecodeString(strings.TrimPrefix(word, "-"))
		if err != nil {
			return "missing not hexadecimal"
		}
		given = append(given, value)
	}
	found, err := act(given)
	if err != nil {
		return "refused " + strings.ReplaceAll(err.Error(), "\n", " ")
	}
	text = "ok"
	for _, value := range found {
		if len(value) == 0 {
			text += " -"
		} else {
			text += " " + hex.EncodeToString(value)
		}
	}
	return text
}

func main() {
	input := bufio.NewReaderSize(os.Stdin, 4<<20)
	for {
		line, err := input.ReadString('\n')
		if err != nil {
			return
		}
		fmt.Println(answer(strings.Fields(line)))
	}
}
