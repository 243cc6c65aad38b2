package pulsar

import (
	"encoding/binary"
	"math/bits"
)

// hashOf returns the function of a hashing scheme.
func hashOf(scheme HashingScheme) func(string) uint32 {
	if scheme == Murmur3_32Hash {
		return murmur3Hash
	}
	return javaStringHash
}

// javaStringHash is Java's String.hashCode over the key's bytes: the same as over characters for ASCII alone, and kept
// with its sign as the highest bit, as in pulsar-client-go.
func javaStringHash(key string) uint32 {
	var hash uint32
	for i := range len(key) {
		hash = 31*hash + uint32(key[i])
	}
	return hash
}

// murmur3Hash is MurmurHash3_x86_32 with the seed 0, without its highest bit, as Java has it.
func murmur3Hash(key string) uint32 {
	const c1, c2 = 0xcc9e2d51, 0x1b873593
	mix := func(k uint32) uint32 { return bits.RotateLeft32(k*c1, 15) * c2 }
	var hash uint32
	rest := []byte(key)
	for ; len(rest) >= 4; rest = rest[4:] {
		hash ^= mix(binary.LittleEndian.Uint32(rest))
		hash = bits.RotateLeft32(hash, 13)*5 + 0xe6546b64
	}
	var tail uint32
	for i, b := range rest {
		tail |= uint32(b) << (8 * i)
	}
	hash ^= mix(tail)
	hash ^= uint32(len(key))
	hash ^= hash >> 16
	hash *= 0x85ebca6b
	hash ^= hash >> 13
	hash *= 0xc2b2ae35
	hash ^= hash >> 16
	return hash & (1<<31 - 1)
}
