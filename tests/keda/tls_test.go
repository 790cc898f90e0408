package keda_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc/credentials"
)

// authority signs certificates of one test.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         string
}

// sign makes a key pair as PEM; `by` nil signs itself.
func sign(t *testing.T, template *x509.Certificate, by *authority) (*authority, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := template, key
	if by != nil {
		parent, signer = by.certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return &authority{certificate, key, text("CERTIFICATE", der)}, text("EC PRIVATE KEY", keyDER)
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	made, _ := sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil)
	return made
}

func (ca *authority) issue(t *testing.T, template *x509.Certificate) (certificate, key string) {
	t.Helper()
	template.Subject = pkix.Name{CommonName: "leaf"}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	made, key := sign(t, template, ca)
	return made.pem, key
}

func (ca *authority) client(t *testing.T, san string) (certificate, key string) {
	t.Helper()
	return ca.issue(t, &x509.Certificate{DNSNames: []string{san}})
}

// door is the files of mutual TLS for an adapter at `address`.
type door struct{ folder, address string }

func newDoor(t *testing.T, ca *authority) door {
	t.Helper()
	d := door{t.TempDir(), freshAddress()}
	d.write(t, ca)
	return d
}

func (d door) file(name string) string { return filepath.Join(d.folder, name) }

// write replaces all files: a new certificate, and `ca` as who signs clients.
func (d door) write(t *testing.T, ca *authority) {
	t.Helper()
	certificate, key := ca.issue(t, &x509.Certificate{IPAddresses: []net.IP{net.ParseIP(d.address)}})
	for name, text := range map[string]string{"tls.crt": certificate, "tls.key": key, "ca.crt": ca.pem} {
		if err := os.WriteFile(d.file(name+".next"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(d.file(name+".next"), d.file(name)); err != nil {
			t.Fatal(err)
		}
	}
}

func (d door) arguments() []string {
	return []string{"--keda-tls-cert-file", d.file("tls.crt"), "--keda-tls-key-file", d.file("tls.key"),
		"--keda-client-ca-file", d.file("ca.crt"),
		"--keda-clients", "[{san: keda.demo, namespaces: [demo]}, {san: keda.other, namespaces: [other]}]"}
}

// with is the client's end: whom it trusts, and who it is, unless `certificate` is empty.
func with(t *testing.T, trusted *authority, certificate, key string) credentials.TransportCredentials {
	t.Helper()
	config := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	config.RootCAs.AddCert(trusted.certificate)
	if certificate != "" {
		pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return credentials.NewTLS(config)
}

func TestACertificateSpeaksForItsNamespacesOnly(t *testing.T) {
	p := newPod(t, "a")
	p.running.Store(2)
	ca := newAuthority(t, "ca")
	d := newDoor(t, ca)
	a := newAdapterAt(t, d.address, d.arguments(), p)

	certificate, key := ca.client(t, "keda.demo")
	expectTold(t, a.scaler(t, with(t, ca, certificate, key), nil), "2 true")

	certificate, key = ca.client(t, "keda.other")
	expectTold(t, a.scaler(t, with(t, ca, certificate, key), nil), "PermissionDenied")

	certificate, key = ca.client(t, "keda.unknown")
	expectTold(t, a.scaler(t, with(t, ca, certificate, key), nil), "PermissionDenied")
}

func TestAStrangersCertificateIsRefused(t *testing.T) {
	p := newPod(t, "a")
	p.running.Store(2)
	ca, stranger := newAuthority(t, "ca"), newAuthority(t, "stranger")
	d := newDoor(t, ca)
	a := newAdapterAt(t, d.address, d.arguments(), p)

	certificate, key := ca.client(t, "keda.demo")
	expectTold(t, a.scaler(t, with(t, ca, certificate, key), nil), "2 true")
	certificate, key = stranger.client(t, "keda.demo")
	expectTold(t, a.scaler(t, with(t, ca, certificate, key), nil), "error: ")
	expectTold(t, a.scaler(t, with(t, ca, "", ""), nil), "error: ")
	expectTold(t, a.scaler(t, nil, nil), "error: ")
}

func TestReplacedCertificatesAreUsedWithoutARestart(t *testing.T) {
	p := newPod(t, "a")
	p.running.Store(2)
	first, second := newAuthority(t, "first"), newAuthority(t, "second")
	d := newDoor(t, first)
	a := newAdapterAt(t, d.address, d.arguments(), p)
	certificate, key := first.client(t, "keda.demo")
	expectTold(t, a.scaler(t, with(t, first, certificate, key), nil), "2 true")

	d.write(t, second)
	certificate, key = second.client(t, "keda.demo")
	expectTold(t, a.scaler(t, with(t, second, certificate, key), nil), "2 true")
	certificate, key = first.client(t, "keda.demo")
	expectTold(t, a.scaler(t, with(t, second, certificate, key), nil), "error: ")
}
