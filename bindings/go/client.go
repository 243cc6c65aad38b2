package pulsar

/*
#include "bridge.h"
#include <pulsar_rs/client_configuration.h>
#include <pulsar_rs/completion.h>
*/
import "C"

import (
	"crypto/tls"
	"encoding/json"
	"math"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"github.com/sirupsen/logrus"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/auth"
	"github.com/pulsar-rs/pulsar_rs/bindings/go/log"
)

// Defaults that differ from the library's.
const (
	defaultMemoryLimit   = 64 << 20
	clientOperations     = 1 << 16 // that may be under way
	defaultMaxPending    = 1000
	defaultBatchingDelay = 10 * time.Millisecond
	defaultBatchingSize  = 128 << 10
	defaultBatchingCount = 1000
	defaultSendTimeout   = 30 * time.Second
)

// client is what a program holds of a connected client; when the program forgets it without Close, that is closed.
type client struct {
	*connected
}

// connected is a client of the library with what belongs to it.
type connected struct {
	options     ClientOptions
	logger      log.Logger
	memory      *memoryLimit
	handle      *handle
	completions *completions
	unregister  func() // ends collecting metrics
	noteCounts  func() // before something is closed

	mu     sync.Mutex
	opened map[closer]struct{} // what lives no longer than the client
	closed bool
	done   chan struct{} // closed when closing has ended
}

// closer is a producer, a consumer, a reader or a table view.
type closer interface{ Close() }

// NewClient makes a client. It connects when it is first used; only options that are wrong or cannot be met make it fail.
func NewClient(options ClientOptions) (Client, error) {
	const op = "create client"
	if options.URL == "" {
		return nil, newError(InvalidConfiguration, op+": the URL is missing")
	}
	if err := checkText(op, InvalidURL, options.URL); err != nil {
		return nil, err
	}
	c := &connected{options: options, logger: options.Logger, opened: make(map[closer]struct{}), done: make(chan struct{})}
	if c.logger == nil {
		c.logger = log.NewLoggerWithLogrus(logrus.StandardLogger())
	}
	limit := options.MemoryLimitBytes
	if limit == 0 {
		limit = defaultMemoryLimit
	}
	c.memory = newMemoryLimit(limit)

	var callbacks callbacks
	config, err := callbacks.configuration(op, &options, c.logger)
	if err != nil {
		callbacks.remove()
		return nil, err
	}
	defer C.pulsar_client_configuration_free(config)
	url := C.CString(options.URL)
	defer C.free(unsafe.Pointer(url))
	pointer := C.pulsar_client_create(url, config)
	free := func() {
		C.pulsar_client_free(pointer)
		callbacks.remove()
	}
	if text := C.pulsar_rs_client_last_error(pointer); text != nil {
		// It is of no use, and every call says why, with its code.
		err := failure(op, C.pulsar_client_close(pointer), takeText(text))
		free()
		return nil, err
	}
	if c.completions, err = newCompletions(clientOperations); err != nil {
		free()
		return nil, err
	}
	c.completions.run(func(*C.pulsar_rs_completion_t) {})
	c.handle = newHandle(unsafe.Pointer(pointer), func() {
		free()
		c.completions.free()
	})
	c.unregister, c.noteCounts = c.register()
	held := &client{c}
	// On a goroutine: closing waits for brokers, and other cleanups shall not.
	runtime.AddCleanup(held, func(c *connected) { go c.Close() }, c)
	return held, nil
}

// acquire lends the client until release; nil when it is closed.
func (c *connected) acquire() *C.pulsar_client_t {
	return (*C.pulsar_client_t)(c.handle.acquire())
}

func (c *connected) release() { c.handle.release() }

// adopt has something closed with the client; false when that is closed already.
func (c *connected) adopt(opened closer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.opened[opened] = struct{}{}
	}
	return !c.closed
}

// aboutToClose is called before something of the client is closed. With the client itself the counts go anyway.
func (c *connected) aboutToClose() {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if !closed {
		c.noteCounts()
	}
}

func (c *connected) forget(opened closer) {
	c.mu.Lock()
	delete(c.opened, opened)
	c.mu.Unlock()
}

// Close closes the client with all its producers, consumers, readers and table views, each as its own Close does, and
// returns when that is done. Closing again only waits.
func (c *connected) Close() {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	opened := c.opened
	c.opened = nil
	c.mu.Unlock()
	if !first {
		<-c.done
		return
	}
	defer close(c.done)
	c.unregister()
	var closing sync.WaitGroup
	for opened := range opened {
		closing.Go(opened.Close)
	}
	closing.Wait()
	pointer := (*C.pulsar_client_t)(c.handle.pointer)
	_, _ = c.completions.do(func(token C.uint64_t) C.pulsar_result {
		return C.pulsar_rs_client_close_queued(pointer, c.completions.queue, token)
	})
	c.completions.stop()
	c.handle.close()
}

// do has the library do something that makes an object, and waits for it. Its outcome comes through the completions given,
// and so do those of the object later on.
func (c *connected) do(
	op string, completions *completions, start func(pointer *C.pulsar_client_t, token C.uint64_t) C.pulsar_result,
) (unsafe.Pointer, error) {
	pointer := c.acquire()
	if pointer == nil {
		return nil, newError(AlreadyClosedError, op+": the client is closed")
	}
	defer c.release()
	object, result := completions.do(func(token C.uint64_t) C.pulsar_result { return start(pointer, token) })
	if result != C.pulsar_result_Ok {
		return nil, c.failure(op, result, pointer)
	}
	return object, nil
}

func (c *connected) failure(op string, result C.pulsar_result, pointer *C.pulsar_client_t) error {
	if result == C.pulsar_result_Ok {
		return nil
	}
	return failure(op, result, takeText(C.pulsar_rs_client_last_error(pointer)))
}

// TopicPartitions returns the names of a topic's partitions; of one without partitions its own.
func (c *client) TopicPartitions(topic string) ([]string, error) {
	names, err := c.topicPartitions(topic)
	runtime.KeepAlive(c)
	return names, err
}

// topicPartitions returns the names of a topic's partitions; of one without partitions its own.
func (c *connected) topicPartitions(topic string) ([]string, error) {
	const op = "look up partitions"
	if err := checkText(op, InvalidTopicName, topic); err != nil {
		return nil, err
	}
	name := C.CString(topic)
	defer C.free(unsafe.Pointer(name))
	object, err := c.do(op, c.completions, func(pointer *C.pulsar_client_t, token C.uint64_t) C.pulsar_result {
		return C.pulsar_rs_client_get_topic_partitions_queued(pointer, name, c.completions.queue, token)
	})
	if err != nil {
		return nil, err
	}
	list := (*C.pulsar_string_list_t)(object)
	defer C.pulsar_string_list_free(list)
	names := make([]string, int(C.pulsar_string_list_size(list)))
	for i := range names {
		names[i] = C.GoString(C.pulsar_string_list_get(list, C.int(i)))
	}
	return names, nil
}

// NewTransaction fails: transactions are not supported yet.
func (c *connected) NewTransaction(time.Duration) (Transaction, error) {
	return nil, newError(OperationNotSupported, "create transaction: transactions are not supported yet")
}

// callbacks are the numbers under which C knows functions of a program.
type callbacks struct {
	logger      uintptr
	token       uintptr
	certificate uintptr
}

var (
	loggers        registry[log.Logger]
	tokenSuppliers registry[tokenSupplier]
)

type tokenSupplier struct {
	supply func() (string, error)
	logger log.Logger
}

func (c *callbacks) remove() {
	loggers.remove(c.logger)
	tokenSuppliers.remove(c.token)
	certificateSuppliers.remove(c.certificate)
}

//export pulsarGoLog
func pulsarGoLog(level C.int, message *C.char, number C.uintptr_t) {
	logger, ok := loggers.get(uintptr(number))
	if !ok {
		return
	}
	line := C.GoString(message)
	switch level {
	case C.pulsar_DEBUG:
		logger.Debug(line)
	case C.pulsar_INFO:
		logger.Info(line)
	case C.pulsar_WARN:
		logger.Warn(line)
	default:
		logger.Error(line)
	}
}

//export pulsarGoToken
func pulsarGoToken(number C.uintptr_t) *C.char {
	supplier, ok := tokenSuppliers.get(uintptr(number))
	if !ok {
		return nil
	}
	token, err := supplier.supply()
	if err != nil {
		supplier.logger.Errorf("the token supplier failed: %v", err)
		return nil
	}
	return C.CString(token)
}

// configuration makes a C configuration, which the caller frees.
func (c *callbacks) configuration(
	op string, o *ClientOptions, logger log.Logger,
) (*C.pulsar_client_configuration_t, error) {
	if err := unsupported(op, o); err != nil {
		return nil, err
	}
	authentication, err := c.authentication(op, o.Authentication, logger)
	if err != nil {
		return nil, err
	}
	config := C.pulsar_client_configuration_create()
	if authentication != nil {
		C.pulsar_client_configuration_set_auth(config, authentication)
		C.pulsar_authentication_free(authentication)
	}
	c.logger = loggers.add(logger)
	C.pulsar_go_set_logger(config, C.uintptr_t(c.logger))
	if o.OperationTimeout != 0 {
		C.pulsar_client_configuration_set_operation_timeout_seconds(config, units(o.OperationTimeout, time.Second))
	}
	if o.KeepAliveInterval != 0 {
		seconds := C.uint(units(o.KeepAliveInterval, time.Second))
		C.pulsar_client_configuration_set_keep_alive_interval_in_seconds(config, seconds)
	}
	if o.MaxConnectionsPerBroker > 1 {
		C.pulsar_rs_client_configuration_set_connections_per_broker(config, C.int(o.MaxConnectionsPerBroker))
	}
	// This side counts, which knows of what has not crossed yet.
	C.pulsar_client_configuration_set_memory_limit(config, 0)
	// Statistics are for the collector.
	C.pulsar_client_configuration_set_stats_interval_in_seconds(config, 0)
	C.pulsar_client_configuration_set_tls_allow_insecure_connection(config, truth(o.TLSAllowInsecureConnection))
	C.pulsar_client_configuration_set_validate_hostname(config, truth(o.TLSValidateHostname))
	withText(o.ListenerName, func(text *C.char) { C.pulsar_client_configuration_set_listener_name(config, text) })
	withText(o.TLSTrustCertsFilePath, func(text *C.char) {
		C.pulsar_client_configuration_set_tls_trust_certs_file_path(config, text)
	})
	withText(o.TLSCertificateFile, func(text *C.char) {
		C.pulsar_client_configuration_set_tls_certificate_file_path(config, text)
	})
	withText(o.TLSKeyFilePath, func(text *C.char) {
		C.pulsar_client_configuration_set_tls_private_key_file_path(config, text)
	})
	return config, nil
}

// unsupported refuses what the library cannot do.
func unsupported(op string, o *ClientOptions) error {
	refuse := func(option, why string) error {
		return newError(InvalidConfiguration, op+": "+option+" is not supported: "+why)
	}
	switch {
	case o.TLSConfig != nil:
		return refuse("TLSConfig", "connections are not made by crypto/tls; set the other TLS options")
	case len(o.TLSCipherSuites) > 0:
		return refuse("TLSCipherSuites", "the library takes those that are safe")
	case o.TLSMinVersion > tls.VersionTLS12:
		return refuse("TLSMinVersion", "the library takes TLS 1.2 and 1.3")
	case o.TLSMaxVersion != 0 && o.TLSMaxVersion < tls.VersionTLS13:
		return refuse("TLSMaxVersion", "the library takes TLS 1.2 and 1.3")
	case o.EnableTransaction:
		return newError(OperationNotSupported, op+": EnableTransaction: transactions are not supported yet")
	case len(o.LookupProperties) > 0:
		return refuse("LookupProperties", "the library looks up without properties")
	}
	return checkText(op, InvalidConfiguration, o.ListenerName, o.TLSTrustCertsFilePath, o.TLSCertificateFile, o.TLSKeyFilePath)
}

// authentication makes a C authentication, which the caller frees; nil for none.
func (c *callbacks) authentication(
	op string, given Authentication, logger log.Logger,
) (*C.pulsar_authentication_t, error) {
	if given == nil {
		return nil, nil
	}
	provider, ok := given.(auth.Provider)
	if !ok {
		return nil, newError(AuthenticationError, op+": Authentication is no auth.Provider")
	}
	if err := provider.Init(); err != nil {
		return nil, errAuthentication(err)
	}
	known, ok := given.(interface{ Settings() auth.Settings })
	if !ok {
		// One of the program's own.
		switch provider.Name() {
		case "token":
			return c.tokens(func() (string, error) {
				data, err := provider.GetData()
				return string(data), err
			}, logger), nil
		case "tls":
			return c.certificates(provider.GetTLSCertificate, logger)
		}
		return nil, newError(AuthenticationError, op+": an auth.Provider of the program must be named token or tls")
	}
	settings := known.Settings()
	switch {
	case settings.Plugin == "":
		return nil, nil
	case settings.Token != nil:
		return c.tokens(settings.Token, logger), nil
	case settings.Certificate != nil:
		return c.certificates(settings.Certificate, logger)
	}
	params, err := json.Marshal(settings.Params)
	if err != nil {
		return nil, newError(AuthenticationError, op+": the parameters of the authentication are no text")
	}
	plugin, text := C.CString(settings.Plugin), C.CString(string(params))
	defer C.free(unsafe.Pointer(plugin))
	defer C.free(unsafe.Pointer(text))
	return C.pulsar_authentication_create(plugin, text), nil
}

func (c *callbacks) tokens(supply func() (string, error), logger log.Logger) *C.pulsar_authentication_t {
	c.token = tokenSuppliers.add(tokenSupplier{supply, logger})
	return C.pulsar_go_token_supplier(C.uintptr_t(c.token))
}

// withText calls set with a C string, unless the text is empty.
func withText(text string, set func(*C.char)) {
	if text == "" {
		return
	}
	cText := C.CString(text)
	defer C.free(unsafe.Pointer(cText))
	set(cText)
}

func truth(value bool) C.int {
	if value {
		return 1
	}
	return 0
}

// units counts a duration in units for C, rounded up and no more than an int holds.
func units(duration, unit time.Duration) C.int {
	count := duration / unit
	if duration%unit > 0 {
		count++
	}
	return C.int(max(math.MinInt32, min(count, math.MaxInt32)))
}
