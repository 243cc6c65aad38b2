package pulsar

// sentID is the id of a message that was sent. It holds no pointers, so that the garbage collector does not look into it.
type sentID struct {
	ledgerID     int64
	entryID      int64
	batchIdx     int32
	batchSize    int32
	partitionIdx int32
}

func (id *sentID) LedgerID() int64     { return id.ledgerID }
func (id *sentID) EntryID() int64      { return id.entryID }
func (id *sentID) BatchIdx() int32     { return id.batchIdx }
func (id *sentID) PartitionIdx() int32 { return id.partitionIdx }
func (id *sentID) BatchSize() int32    { return id.batchSize }
func (id *sentID) Serialize() []byte   { return id.whole().Serialize() }
func (id *sentID) String() string      { return id.whole().String() }

func (id *sentID) whole() *messageID {
	return &messageID{
		ledgerID: id.ledgerID, entryID: id.entryID,
		batchIdx: id.batchIdx, partitionIdx: id.partitionIdx, batchSize: id.batchSize,
	}
}
