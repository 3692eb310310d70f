package main

import (
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"runtime"
	"syscall"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/sm4"
)

const mib = 1 << 20

func cpuSeconds() float64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	total := usage.Utime.Nano() + usage.Stime.Nano()
	return float64(total) / 1e9
}

func operations() map[string]func() {
	key, _ := sm2.GenerateKey(rand.Reader)
	uid, message := []byte("1234567812345678"), make([]byte, 32)
	signature, _ := key.SignWithSM2(rand.Reader, uid, message)
	sealed, _ := sm2.EncryptASN1(rand.Reader, &key.PublicKey, message)
	block, _ := sm4.NewCipher(make([]byte, 16))
	mode, _ := cipher.NewGCM(block)
	nonce, iv, data, out := make([]byte, 12), make([]byte, 16), make([]byte, mib), make([]byte, mib+16)
	return map[string]func(){
		"sm2_keygen":      func() { _, _ = sm2.GenerateKey(rand.Reader) },
		"sm2_sign":        func() { _, _ = key.SignWithSM2(rand.Reader, uid, message) },
		"sm2_verify":      func() { sm2.VerifyASN1WithSM2(&key.PublicKey, uid, message, signature) },
		"sm2_encrypt":     func() { _, _ = sm2.EncryptASN1(rand.Reader, &key.PublicKey, message) },
		"sm2_decrypt":     func() { _, _ = key.Decrypt(rand.Reader, sealed, sm2.ASN1DecrypterOpts) },
		"sm3_1048576":     func() { sm3.Sum(data) },
		"sm4_gcm_1048576": func() { mode.Seal(out[:0], nonce, data, nil) },
		"sm4_ctr_1048576": func() { cipher.NewCTR(block, iv).XORKeyStream(out[:mib], data) },
		"sm4_cbc_1048576": func() { cipher.NewCBCEncrypter(block, iv).CryptBlocks(out[:mib], data) },
	}
}

func timed(what string, count int) string {
	runtime.GOMAXPROCS(1)
	call, known := operations()[what]
	if !known {
		return "missing no such operation"
	}
	begun := cpuSeconds()
	for i := 0; i < count; i++ {
		call()
	}
	return fmt.Sprintf("ok %.6f", cpuSeconds()-begun)
}
