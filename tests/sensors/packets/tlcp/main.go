// A TLCP server and client of gmsm finish one handshake over 127.0.0.1, with a double certificate
// of a CA made for it. Prints the server's port.
package main

import (
	"crypto/rand"
	"crypto/x509/pkix"
	"fmt"
	"log"
	"math/big"
	"net"
	"time"

	"github.com/tjfoc/gmsm/gmtls"
	"github.com/tjfoc/gmsm/sm2"
	"github.com/tjfoc/gmsm/x509"
)

const name = "ecert.example.gov.cn"

type issuer struct {
	certificate *x509.Certificate
	key         *sm2.PrivateKey
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Makes a key and its certificate, signed by itself where there is no issuer.
func issue(by *issuer, number int64, usage x509.KeyUsage) (issuer, gmtls.Certificate) {
	key, err := sm2.GenerateKey(rand.Reader)
	must(err)
	now := time.Now()
	wanted := &x509.Certificate{
		SerialNumber: big.NewInt(number), Subject: pkix.Name{CommonName: name},
		DNSNames: []string{name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		KeyUsage: usage, SignatureAlgorithm: x509.SM2WithSM3, BasicConstraintsValid: true,
		IsCA: by == nil,
	}
	parent, signer := wanted, key
	if by != nil {
		parent, signer = by.certificate, by.key
	}
	der, err := x509.CreateCertificate(wanted, parent, &key.PublicKey, signer)
	must(err)
	made, err := x509.ParseCertificate(der)
	must(err)
	return issuer{made, key}, gmtls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func main() {
	ca, _ := issue(nil, 1, x509.KeyUsageCertSign)
	_, signing := issue(&ca, 2, x509.KeyUsageDigitalSignature)
	_, encrypting := issue(&ca, 3, x509.KeyUsageKeyEncipherment|x509.KeyUsageDataEncipherment)
	roots := x509.NewCertPool()
	roots.AddCert(ca.certificate)
	listener, err := gmtls.Listen("tcp", "127.0.0.1:0", &gmtls.Config{
		GMSupport: &gmtls.GMSupport{}, Certificates: []gmtls.Certificate{signing, encrypting},
	})
	must(err)
	served := make(chan error, 1)
	go func() {
		taken, err := listener.Accept()
		if err == nil {
			err = taken.(*gmtls.Conn).Handshake()
		}
		served <- err
	}()
	dialled, err := gmtls.Dial("tcp", listener.Addr().String(), &gmtls.Config{
		GMSupport: &gmtls.GMSupport{}, RootCAs: roots, ServerName: name,
	})
	must(err)
	must(<-served)
	must(dialled.Close())
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
}
