// Roundtrip sends and receives with each codec, on goroutines at the same time: the library is called on threads with
// the stacks that Go's runtime has from the C library.
//
//	roundtrip URL TOPIC COUNT [TRUSTED.pem]
package main

/*
#cgo CFLAGS: -I${SRCDIR}/../../../include -I${SRCDIR}/..
#include "roundtrip.h"
*/
import "C"

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"unsafe"
)

func main() {
	if len(os.Args) < 4 || len(os.Args) > 5 {
		usage()
	}
	count, err := strconv.ParseUint(os.Args[3], 10, 16)
	if err != nil {
		usage()
	}
	var failed atomic.Bool
	var all sync.WaitGroup
	for codec := range C.CODECS {
		all.Go(func() {
			if !roundTrip(codec, uint(count)) {
				failed.Store(true)
			}
		})
	}
	all.Wait()
	if failed.Load() {
		os.Exit(1)
	}
	fmt.Printf("%d messages with each of %d codecs\n", count, C.CODECS)
}

func usage() {
	fmt.Fprintf(os.Stderr, "usage: %s URL TOPIC COUNT [TRUSTED.pem]\n", os.Args[0])
	os.Exit(2)
}

func roundTrip(codec int, count uint) bool {
	url := C.CString(os.Args[1])
	defer C.free(unsafe.Pointer(url))
	topic := C.CString(fmt.Sprintf("%s-%d", os.Args[2], codec))
	defer C.free(unsafe.Pointer(topic))
	var trusted *C.char
	if len(os.Args) == 5 {
		trusted = C.CString(os.Args[4])
		defer C.free(unsafe.Pointer(trusted))
	}
	return bool(C.round_trip(url, topic, C.int(codec), C.uint(count), trusted))
}
