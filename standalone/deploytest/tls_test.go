package deploytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
)

// authority makes a CA and a certificate of it for this host, as files.
func authority(t *testing.T) (ca, cert, key string) {
	t.Helper()
	dir := t.TempDir()
	sign := func(name string, template, parent *x509.Certificate, by *ecdsa.PrivateKey) (*ecdsa.PrivateKey, string) {
		own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if by == nil {
			by = own
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &own.PublicKey, by)
		if err != nil {
			t.Fatal(err)
		}
		return own, writePEM(t, filepath.Join(dir, name), "CERTIFICATE", der)
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	rootKey, ca := sign("ca.crt", root, root, nil)
	leafKey, cert := sign("nats.crt", &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "nats"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, root, rootKey)
	der, err := x509.MarshalECPrivateKey(leafKey)
	if err != nil {
		t.Fatal(err)
	}
	return ca, cert, writePEM(t, filepath.Join(dir, "nats.key"), "EC PRIVATE KEY", der)
}

func writePEM(t *testing.T, path, kind string, der []byte) string {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The lines that docs/operations.md gives for NATS off loopback: nobody connects
// who does not know the CA, and nobody without TLS.
func TestNATSWithTLS(t *testing.T) {
	path, err := image()
	if err != nil {
		t.Fatal(err)
	}
	ca, cert, key := authority(t)
	i := newInstallation(t)
	addr := startNATS(t, i.secrets, "\ninclude \"tls.conf\"\n", cert, key)
	databaseURL := postgrestest.URL(t)
	declare := func(scheme string, more ...string) (string, error) {
		url := strings.Replace(i.secret(t, "nats_url_operator"), i.natsAddr, addr, 1)
		cmd := exec.CommandContext(t.Context(), path, "streams")
		cmd.Env = append([]string{"HOME=/", "DATABASE_URL=" + databaseURL, "NATS_URL=" + strings.Replace(url, "nats://", scheme, 1)}, more...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := declare("tls://", "SSL_CERT_FILE="+ca); err != nil {
		t.Errorf("with the CA: %v\n%s", err, out)
	}
	for _, scheme := range []string{"tls://", "nats://"} {
		if out, err := declare(scheme); err == nil || !strings.Contains(out, "certificate") {
			t.Errorf("%s without the CA: %v\n%s", scheme, err, out)
		}
	}
}
