package pulsar

import "fmt"

// KeySharedPolicyMode says who decides which keys a consumer of a KeyShared subscription gets.
type KeySharedPolicyMode int

// The modes.
const (
	KeySharedPolicyModeAutoSplit KeySharedPolicyMode = iota // the broker spreads keys over the consumers
	KeySharedPolicyModeSticky                               // each consumer says which hashes it wants
)

// keyHashes is how many hashes of keys there are: 0 to keyHashes-1.
const keyHashes = 1 << 16

// KeySharedPolicy says which keys a consumer of a KeyShared subscription gets.
type KeySharedPolicy struct {
	// Mode says who decides.
	Mode KeySharedPolicyMode

	// HashRanges are the first and last hash of each range that the consumer gets: [first, last, first, last, ...], from
	// 0 to 65535. For KeySharedPolicyModeSticky.
	HashRanges []int

	// AllowOutOfOrderDelivery lets the broker give a new consumer messages of a key before an old one has acknowledged
	// its own.
	AllowOutOfOrderDelivery bool
}

// NewKeySharedPolicySticky returns a policy for these ranges of hashes: [first, last, first, last, ...], from 0 to
// 65535, each last larger than its first, without overlap.
func NewKeySharedPolicySticky(hashRanges []int) (*KeySharedPolicy, error) {
	if err := checkHashRanges(hashRanges); err != nil {
		return nil, err
	}
	return &KeySharedPolicy{Mode: KeySharedPolicyModeSticky, HashRanges: hashRanges}, nil
}

func checkHashRanges(ranges []int) error {
	if len(ranges) == 0 || len(ranges)%2 != 0 {
		return newError(InvalidConfiguration,
			fmt.Sprintf("key shared policy: ranges are pairs of a first and a last hash, but there are %d numbers",
				len(ranges)))
	}
	for i := 0; i < len(ranges); i += 2 {
		first, last := ranges[i], ranges[i+1]
		if first < 0 || last >= keyHashes || first >= last {
			return newError(InvalidConfiguration,
				fmt.Sprintf("key shared policy: %d to %d is no range between 0 and %d", first, last, keyHashes-1))
		}
		for j := 0; j < i; j += 2 {
			if first <= ranges[j+1] && ranges[j] <= last {
				return newError(InvalidConfiguration, fmt.Sprintf(
					"key shared policy: %d to %d and %d to %d overlap", ranges[j], ranges[j+1], first, last))
			}
		}
	}
	return nil
}
