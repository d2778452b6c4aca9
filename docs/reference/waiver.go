// Package waiver lets TLS connections go by the waivers that Mainstay grants: a certificate that expired is accepted when it is
// exactly the waived one and nothing else is wrong with it. It needs nothing but the standard library. Copy it.
package waiver

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

type Policy struct {
	IssuedAt time.Time `json:"issued_at"`
	Waivers  []Waiver  `json:"waivers"`
	Revoked  []string  `json:"revoked"`
}

type Waiver struct {
	ID         string    `json:"id"`
	Dependency string    `json:"dependency"`
	ServerName string    `json:"server_name"`
	SHA256     string    `json:"sha256"`
	SPKISHA256 string    `json:"spki_sha256"`
	NotAfter   time.Time `json:"not_after"`
	From       time.Time `json:"from"`
	Until      time.Time `json:"until"`
}

// Open reads a policy that the key has signed. Keep the last good one, and never go back to an earlier IssuedAt.
func Open(envelope []byte, key ed25519.PublicKey) (*Policy, error) {
	var jws struct{ Payload, Protected, Signature string }
	if err := json.Unmarshal(envelope, &jws); err != nil {
		return nil, err
	}
	header, err := base64.RawURLEncoding.DecodeString(jws.Protected)
	if err != nil || !bytes.Equal(header, []byte(`{"alg":"EdDSA","typ":"mainstay-policy+json"}`)) {
		return nil, errors.New("this is no policy of Mainstay")
	}
	signature, err := base64.RawURLEncoding.DecodeString(jws.Signature)
	if err != nil || !ed25519.Verify(key, []byte(jws.Protected+"."+jws.Payload), signature) {
		return nil, errors.New("the policy is not signed by the key that is trusted")
	}
	payload, err := base64.RawURLEncoding.DecodeString(jws.Payload)
	if err != nil {
		return nil, err
	}
	policy := new(Policy)
	return policy, json.Unmarshal(payload, policy)
}

// Config verifies one dependency fully, or by its waiver. VerifyConnection runs for resumed sessions too.
func Config(dependency, name string, roots *x509.CertPool, policy func() *Policy) *tls.Config {
	return &tls.Config{
		ServerName:         name,
		InsecureSkipVerify: true, // because VerifyConnection verifies
		VerifyConnection: func(state tls.ConnectionState) error {
			return Admit(state.PeerCertificates, dependency, name, roots, policy(), time.Now())
		},
	}
}

// Admit returns nil for a chain by which a connection may go on. Without a policy, nothing is waived and nothing is known to be revoked.
func Admit(chain []*x509.Certificate, dependency, name string, roots *x509.CertPool, policy *Policy, now time.Time) error {
	if policy == nil {
		policy = new(Policy)
	}
	leaf, others := chain[0], x509.NewCertPool()
	for _, certificate := range chain[1:] {
		others.AddCert(certificate)
	}
	at := func(time time.Time) x509.VerifyOptions {
		return x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: others, CurrentTime: time}
	}
	revoked := func(certificate *x509.Certificate) bool {
		return slices.Contains(policy.Revoked, fingerprint(certificate.Raw))
	}
	weak := func(certificate *x509.Certificate) bool {
		key, isRSA := certificate.PublicKey.(*rsa.PublicKey)
		return isRSA && key.N.BitLen() < 2048
	}
	outOfDate := func(certificate *x509.Certificate) bool {
		return now.Before(certificate.NotBefore) || now.After(certificate.NotAfter)
	}

	paths, failure := leaf.Verify(at(now))
	for _, path := range paths {
		if !slices.ContainsFunc(path, revoked) && !slices.ContainsFunc(path, weak) {
			return nil
		}
	}
	if failure == nil {
		failure = errors.New("a certificate of the chain is revoked or has a weak key")
	}
	waived := func(waiver Waiver) bool {
		return waiver.Dependency == dependency && waiver.ServerName == name &&
			!now.Before(waiver.From) && now.Before(waiver.Until) &&
			waiver.SHA256 == fingerprint(leaf.Raw) &&
			waiver.SPKISHA256 == fingerprint(leaf.RawSubjectPublicKeyInfo) &&
			waiver.NotAfter.Equal(leaf.NotAfter) &&
			now.After(leaf.NotAfter) && !leaf.NotBefore.After(leaf.NotAfter)
	}
	if !slices.ContainsFunc(policy.Waivers, waived) {
		return failure
	}
	paths, _ = leaf.Verify(at(leaf.NotAfter))
	for _, path := range paths {
		if !slices.ContainsFunc(path[1:], outOfDate) &&
			!slices.ContainsFunc(path, revoked) && !slices.ContainsFunc(path, weak) {
			return nil
		}
	}
	return failure
}

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}
