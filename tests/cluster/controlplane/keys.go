package controlplane

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// keys are three authorities, as a cluster has them: who may sign a user must not be able to sign
// the front proxy, which may say that it speaks for anybody.
type keys struct{ servers, clients, frontProxy *authority }

// authority signs certificates for a week.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

// pair is a certificate and its key, as PEM.
type pair struct{ certificate, key []byte }

// ClientCA is the file of the authority that signs users' certificates.
func (c *ControlPlane) ClientCA() string { return c.path("client-ca.crt") }

// ServerCA is the file of the authority that signs servers' certificates: an APIService's caBundle.
func (c *ControlPlane) ServerCA() string { return c.path("server-ca.crt") }

// ServingCertificate makes NAME.crt and NAME.key for a server with these host names or addresses;
// an adapter behind an APIService is SERVICE.NAMESPACE.svc. It returns both paths.
func (c *ControlPlane) ServingCertificate(name string, hosts ...string) (certificate, key string, err error) {
	signed, err := c.keys.servers.server(hosts...)
	if err != nil {
		return "", "", err
	}
	return c.path(name + ".crt"), c.path(name + ".key"), signed.write(c.folder, name)
}

// KubeconfigFor makes NAME.kubeconfig for the user NAME and returns its path.
func (c *ControlPlane) KubeconfigFor(name string, groups ...string) (string, error) {
	path := c.path(name + ".kubeconfig")
	return path, c.writeKubeconfig(path, name, groups...)
}

func (c *ControlPlane) writeKubeconfig(path, user string, groups ...string) error {
	client, err := c.keys.clients.client(user, groups...)
	if err != nil {
		return err
	}
	encode := base64.StdEncoding.EncodeToString
	return os.WriteFile(path, fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters:
- name: test
  cluster: {server: %q, certificate-authority-data: %s}
users:
- name: %[3]q
  user: {client-certificate-data: %s, client-key-data: %s}
contexts:
- name: test
  context: {cluster: test, user: %[3]q}
current-context: test
`, c.url, encode(c.keys.servers.pem), user, encode(client.certificate), encode(client.key)), 0o600)
}

func (c *ControlPlane) adminClient() (*http.Client, error) {
	admin, err := c.keys.clients.client("admin", "system:masters")
	if err != nil {
		return nil, err
	}
	certificate, err := tls.X509KeyPair(admin.certificate, admin.key)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(c.keys.servers.certificate)
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}},
	}}, nil
}

// makeKeys writes what kube-apiserver reads.
func makeKeys(folder string) (*keys, error) {
	var failures []error
	ca := func(name string) *authority {
		made, err := newAuthority("leadline-test-" + name)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name+".crt"), made.pem, 0o600)
		}
		failures = append(failures, err)
		return made
	}
	made := &keys{servers: ca("server-ca"), clients: ca("client-ca"), frontProxy: ca("front-proxy-ca")}
	if err := errors.Join(failures...); err != nil {
		return nil, err
	}
	apiserver, err := made.servers.server("localhost", "127.0.0.1", "kubernetes.default.svc")
	if err != nil {
		return nil, err
	}
	return made, errors.Join(apiserver.write(folder, "kube-apiserver"),
		made.writeFrontProxy(folder), writeServiceAccountKeys(folder))
}

func (k *keys) writeFrontProxy(folder string) error {
	client, err := k.frontProxy.client("front-proxy-client")
	if err != nil {
		return err
	}
	return client.write(folder, "front-proxy-client")
}

// FrontProxy is the certificate with which kube-apiserver speaks for its users.
func (c *ControlPlane) FrontProxy() (tls.Certificate, error) {
	return tls.LoadX509KeyPair(c.path("front-proxy-client.crt"), c.path("front-proxy-client.key"))
}

// RotateFrontProxy makes another front-proxy authority and a certificate of it, which kube-apiserver
// shows from its next start on.
func (c *ControlPlane) RotateFrontProxy() error {
	made, err := newAuthority("leadline-test-front-proxy-ca-2")
	if err != nil {
		return err
	}
	c.keys.frontProxy = made
	return errors.Join(os.WriteFile(c.path("front-proxy-ca.crt"), made.pem, 0o600),
		c.keys.writeFrontProxy(c.folder))
}

func newAuthority(name string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := template(pkix.Name{CommonName: name})
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return &authority{certificate, key, encoded("CERTIFICATE", der)}, err
}

func (a *authority) server(hosts ...string) (*pair, error) {
	wanted := template(pkix.Name{CommonName: hosts[0]})
	wanted.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			wanted.IPAddresses = append(wanted.IPAddresses, ip)
		} else {
			wanted.DNSNames = append(wanted.DNSNames, host)
		}
	}
	return a.sign(wanted)
}

func (a *authority) client(user string, groups ...string) (*pair, error) {
	wanted := template(pkix.Name{CommonName: user, Organization: groups})
	wanted.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.sign(wanted)
}

func template(subject pkix.Name) *x509.Certificate {
	return &x509.Certificate{
		Subject:   subject,
		NotBefore: time.Now().Add(-time.Hour),
		NotAfter:  time.Now().Add(7 * 24 * time.Hour),
		KeyUsage:  x509.KeyUsageDigitalSignature,
	}
}

func (a *authority) sign(wanted *x509.Certificate) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, wanted, a.certificate, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	return &pair{encoded("CERTIFICATE", der), encoded("PRIVATE KEY", keyDER)}, err
}

func (p *pair) write(folder, name string) error {
	return errors.Join(os.WriteFile(filepath.Join(folder, name+".crt"), p.certificate, 0o600),
		os.WriteFile(filepath.Join(folder, name+".key"), p.key, 0o600))
}

func writeServiceAccountKeys(folder string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(folder, "service-account.key"), encoded("EC PRIVATE KEY", private), 0o600),
		os.WriteFile(filepath.Join(folder, "service-account.pub"), encoded("PUBLIC KEY", public), 0o600))
}

func encoded(kind string, der []byte) []byte {
	var text bytes.Buffer
	_ = pem.Encode(&text, &pem.Block{Type: kind, Bytes: der}) // a buffer takes all
	return text.Bytes()
}
