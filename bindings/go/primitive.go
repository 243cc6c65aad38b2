package pulsar

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// IoMaxSize is how many buffers BinarySerializer keeps.
const IoMaxSize = 1024

// bufferSize is that of the buffers of a BinaryFreeList, more than any number needs.
const bufferSize = 10

// BinaryFreeList reads and writes numbers, with buffers that it keeps for the next time. It may be used by many
// goroutines.
type BinaryFreeList chan []byte

// BinarySerializer is the list that ReadElements and WriteElements use.
var BinarySerializer BinaryFreeList = make(chan []byte, IoMaxSize)

// Borrow returns a buffer of 10 bytes, with anything in it.
func (b BinaryFreeList) Borrow() (buf []byte) {
	select {
	case buf = <-b:
		return buf[:bufferSize]
	default:
		return make([]byte, bufferSize)
	}
}

// Return keeps a buffer of Borrow, unless there are enough.
func (b BinaryFreeList) Return(buf []byte) {
	if cap(buf) < bufferSize {
		return
	}
	select {
	case b <- buf:
	default:
	}
}

// read returns what parse makes of the next size bytes.
func read[T any](b BinaryFreeList, r io.Reader, size int, parse func([]byte) T) (value T, err error) {
	buf := b.Borrow()[:size]
	defer b.Return(buf)
	if _, err = io.ReadFull(r, buf); err != nil {
		return value, err
	}
	return parse(buf), nil
}

// Uint8 reads a byte.
func (b BinaryFreeList) Uint8(r io.Reader) (uint8, error) {
	return read(b, r, 1, func(buf []byte) uint8 { return buf[0] })
}

// Uint16 reads 2 bytes.
func (b BinaryFreeList) Uint16(r io.Reader, byteOrder binary.ByteOrder) (uint16, error) {
	return read(b, r, 2, byteOrder.Uint16)
}

// Uint32 reads 4 bytes.
func (b BinaryFreeList) Uint32(r io.Reader, byteOrder binary.ByteOrder) (uint32, error) {
	return read(b, r, 4, byteOrder.Uint32)
}

// Uint64 reads 8 bytes.
func (b BinaryFreeList) Uint64(r io.Reader, byteOrder binary.ByteOrder) (uint64, error) {
	return read(b, r, 8, byteOrder.Uint64)
}

// Float64 returns the number in the first 8 bytes, the highest first.
func (b BinaryFreeList) Float64(buf []byte) (float64, error) {
	if len(buf) < 8 {
		return 0, fmt.Errorf("a double has 8 bytes, not %d: %w", len(buf), io.ErrShortBuffer)
	}
	return math.Float64frombits(binary.BigEndian.Uint64(buf)), nil
}

// Float32 returns the number in the first 4 bytes, the highest first.
func (b BinaryFreeList) Float32(buf []byte) (float32, error) {
	if len(buf) < 4 {
		return 0, fmt.Errorf("a float has 4 bytes, not %d: %w", len(buf), io.ErrShortBuffer)
	}
	return math.Float32frombits(binary.BigEndian.Uint32(buf)), nil
}

// write writes the size bytes that put fills.
func (b BinaryFreeList) write(w io.Writer, size int, put func([]byte)) error {
	buf := b.Borrow()[:size]
	defer b.Return(buf)
	put(buf)
	_, err := w.Write(buf)
	return err
}

// PutUint8 writes a byte.
func (b BinaryFreeList) PutUint8(w io.Writer, val uint8) error {
	return b.write(w, 1, func(buf []byte) { buf[0] = val })
}

// PutUint16 writes 2 bytes.
func (b BinaryFreeList) PutUint16(w io.Writer, byteOrder binary.ByteOrder, val uint16) error {
	return b.write(w, 2, func(buf []byte) { byteOrder.PutUint16(buf, val) })
}

// PutUint32 writes 4 bytes.
func (b BinaryFreeList) PutUint32(w io.Writer, byteOrder binary.ByteOrder, val uint32) error {
	return b.write(w, 4, func(buf []byte) { byteOrder.PutUint32(buf, val) })
}

// PutUint64 writes 8 bytes.
func (b BinaryFreeList) PutUint64(w io.Writer, byteOrder binary.ByteOrder, val uint64) error {
	return b.write(w, 8, func(buf []byte) { byteOrder.PutUint64(buf, val) })
}

// PutDouble returns the 8 bytes of a number, the highest first. It takes float64, float32, int, int64 and int32; an
// integer must be one of float64.
func (b BinaryFreeList) PutDouble(datum interface{}) ([]byte, error) {
	number, err := toFloat[float64](datum)
	if err != nil {
		return nil, err
	}
	return binary.BigEndian.AppendUint64(nil, math.Float64bits(number)), nil
}

// PutFloat returns the 4 bytes of a number, the highest first. It takes float32, float64, which is rounded, int, int64 and
// int32; an integer must be one of float32.
func (b BinaryFreeList) PutFloat(datum interface{}) ([]byte, error) {
	number, err := toFloat[float32](datum)
	if err != nil {
		return nil, err
	}
	return binary.BigEndian.AppendUint32(nil, math.Float32bits(number)), nil
}

func toFloat[T float32 | float64](datum interface{}) (T, error) {
	var integer int64
	switch value := datum.(type) {
	case float64:
		return T(value), nil
	case float32:
		return T(value), nil
	case int:
		integer = int64(value)
	case int64:
		integer = value
	case int32:
		integer = int64(value)
	default:
		return 0, fmt.Errorf("a number is needed, not a %T", datum)
	}
	number := T(integer)
	// 2^63 itself is beyond int64, where the way back is not defined.
	if number >= 1<<63 || int64(number) != integer {
		return 0, fmt.Errorf("the integer %d cannot be written as a %T", integer, number)
	}
	return number, nil
}

// ReadElements reads values into what the elements point at, numbers with the lowest byte first: integers, bool, and what
// encoding/binary can read.
func ReadElements(r io.Reader, elements ...interface{}) error {
	for _, element := range elements {
		if err := readElement(r, element); err != nil {
			return err
		}
	}
	return nil
}

func readElement(r io.Reader, element interface{}) error {
	switch target := element.(type) {
	case *int8:
		return readInto(target, func() (int8, error) {
			value, err := BinarySerializer.Uint8(r)
			return int8(value), err
		})
	case *int16:
		return readInto(target, func() (int16, error) {
			value, err := BinarySerializer.Uint16(r, binary.LittleEndian)
			return int16(value), err
		})
	case *int32:
		return readInto(target, func() (int32, error) {
			value, err := BinarySerializer.Uint32(r, binary.LittleEndian)
			return int32(value), err
		})
	case *int64:
		return readInto(target, func() (int64, error) {
			value, err := BinarySerializer.Uint64(r, binary.LittleEndian)
			return int64(value), err
		})
	case *bool:
		return readInto(target, func() (bool, error) {
			value, err := BinarySerializer.Uint8(r)
			return value != 0, err
		})
	}
	return binary.Read(r, binary.LittleEndian, element)
}

func readInto[T any](target *T, next func() (T, error)) error {
	value, err := next()
	if err == nil {
		*target = value
	}
	return err
}

// WriteElements writes values, numbers with the lowest byte first: integers, bool, and what encoding/binary can write.
func WriteElements(w io.Writer, elements ...interface{}) error {
	for _, element := range elements {
		if err := writeElement(w, element); err != nil {
			return err
		}
	}
	return nil
}

func writeElement(w io.Writer, element interface{}) error {
	switch value := element.(type) {
	case int8:
		return BinarySerializer.PutUint8(w, uint8(value))
	case int16:
		return BinarySerializer.PutUint16(w, binary.LittleEndian, uint16(value))
	case int32:
		return BinarySerializer.PutUint32(w, binary.LittleEndian, uint32(value))
	case int64:
		return BinarySerializer.PutUint64(w, binary.LittleEndian, uint64(value))
	case bool:
		var number uint8
		if value {
			number = 1
		}
		return BinarySerializer.PutUint8(w, number)
	}
	return binary.Write(w, binary.LittleEndian, element)
}
