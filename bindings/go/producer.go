package pulsar

/*
#include "bridge.h"
*/
import "C"

//export pulsarGoSent
func pulsarGoSent(result C.pulsar_result, id *C.pulsar_message_id_t, handle C.uintptr_t) {
	C.pulsar_message_id_free(id)
}
