package pulsar

import "context"

// TransactionCoordinatorAssign is the topic whose partitions the brokers' transaction coordinators own.
const TransactionCoordinatorAssign = "persistent://pulsar/system/transaction_coordinator_assign"

// TxnState is what became of a transaction.
type TxnState int32

// The states of a transaction.
const (
	TxnOpen       TxnState = iota + 1 // it takes messages and acknowledgements
	TxnCommitting                     // Commit was called
	TxnAborting                       // Abort was called
	TxnCommitted                      // everything in it is visible
	TxnAborted                        // nothing in it is visible
	TxnError                          // it failed for good
	TxnTimeout                        // it was open for too long
)

// String returns the name of the constant.
func (state TxnState) String() string {
	names := [...]string{
		"TxnOpen", "TxnCommitting", "TxnAborting", "TxnCommitted", "TxnAborted", "TxnError", "TxnTimeout",
	}
	if state < TxnOpen || state > TxnTimeout {
		return "Unknown"
	}
	return names[state-TxnOpen]
}

// TxnID names a transaction.
type TxnID struct {
	MostSigBits  uint64 // the upper half of the number
	LeastSigBits uint64 // the lower half of the number
}

// Transaction makes messages and acknowledgements visible together or not at all. The library has no transactions yet:
// Client.NewTransaction fails, so no value of this type comes from it.
type Transaction interface {
	// Commit makes everything in the transaction visible.
	Commit(context.Context) error

	// Abort drops everything in the transaction.
	Abort(context.Context) error

	// GetState returns what became of the transaction.
	GetState() TxnState

	// GetTxnID returns the name of the transaction.
	GetTxnID() TxnID
}
