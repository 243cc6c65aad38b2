package crypto

import "os"

// FileKeyReader reads the keys from two files, whatever their names. The files are read each time.
type FileKeyReader struct {
	publicKeyPath  string
	privateKeyPath string
}

// NewFileKeyReader makes one. A path that is not needed, as that of the private key for a producer, may be empty.
func NewFileKeyReader(publicKeyPath, privateKeyPath string) *FileKeyReader {
	return &FileKeyReader{publicKeyPath: publicKeyPath, privateKeyPath: privateKeyPath}
}

// PublicKey reads the public key's file.
func (reader *FileKeyReader) PublicKey(keyName string, keyMeta map[string]string) (*EncryptionKeyInfo, error) {
	return readKey(reader.publicKeyPath, keyName, keyMeta)
}

// PrivateKey reads the private key's file.
func (reader *FileKeyReader) PrivateKey(keyName string, keyMeta map[string]string) (*EncryptionKeyInfo, error) {
	return readKey(reader.privateKeyPath, keyName, keyMeta)
}

func readKey(path, name string, metadata map[string]string) (*EncryptionKeyInfo, error) {
	key, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return NewEncryptionKeyInfo(name, key, metadata), nil
}
