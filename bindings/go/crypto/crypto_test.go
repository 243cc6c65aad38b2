package crypto

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/log"
)

func TestKeysFromFiles(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"public", "private"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("the "+name+" key"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var reader KeyReader = NewFileKeyReader(filepath.Join(folder, "public"), filepath.Join(folder, "private"))
	metadata := map[string]string{"version": "1"}
	public, err := reader.PublicKey("k", metadata)
	if err != nil {
		t.Fatal(err)
	}
	private, err := reader.PrivateKey("k", nil)
	if err != nil {
		t.Fatal(err)
	}
	if string(public.Key()) != "the public key" || public.Name() != "k" || public.Metadata()["version"] != "1" {
		t.Error(public)
	}
	if string(private.Key()) != "the private key" {
		t.Error("another key was read")
	}
	if text := fmt.Sprintf("%v %+v %#v %v", private, private, private, *private); strings.Contains(text, "the private key") {
		t.Error(text)
	}
	if _, err := NewFileKeyReader("/nowhere", "").PublicKey("k", nil); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestEncryptingInGoIsNotSupported(t *testing.T) {
	if crypto, err := NewDefaultMessageCrypto("", true, log.DefaultNopLogger()); crypto != nil ||
		!errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	var crypto MessageCrypto = new(DefaultMessageCrypto)
	_, encrypting := crypto.Encrypt(nil, nil, nil, nil)
	_, decrypting := crypto.Decrypt(nil, nil, nil)
	for _, err := range []error{encrypting, decrypting, crypto.AddPublicKeyCipher(nil, nil)} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Error(err)
		}
	}
}

func TestMetadataKeepWhatTheyAreGiven(t *testing.T) {
	var metadata MessageMetadataSupplier = new(MessageMetadata)
	for _, key := range []string{"a", "b", "a"} {
		metadata.UpsertEncryptionKey(*NewEncryptionKeyInfo(key, []byte{byte(len(metadata.EncryptionKeys()))}, nil))
	}
	metadata.SetEncryptionParam([]byte("iv"))
	keys := metadata.EncryptionKeys()
	if len(keys) != 2 || keys[0].Name() != "a" || keys[0].Key()[0] != 2 || string(metadata.EncryptionParam()) != "iv" {
		t.Error(keys)
	}
}
