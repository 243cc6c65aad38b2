package pulsar

// ProducerInterceptor sees each message that a producer sends. Its methods must not block, and may be called by many
// goroutines at the same time.
type ProducerInterceptor interface {
	// BeforeSend is called by Send and SendAsync, before the message is looked at; it may change the message.
	BeforeSend(producer Producer, message *ProducerMessage)

	// OnSendAcknowledgement is called when the broker confirmed the message.
	OnSendAcknowledgement(producer Producer, message *ProducerMessage, msgID MessageID)
}

// ProducerInterceptors are called in their order.
type ProducerInterceptors []ProducerInterceptor

// BeforeSend calls that of each interceptor.
func (x ProducerInterceptors) BeforeSend(producer Producer, message *ProducerMessage) {
	for _, interceptor := range x {
		interceptor.BeforeSend(producer, message)
	}
}

// OnSendAcknowledgement calls that of each interceptor.
func (x ProducerInterceptors) OnSendAcknowledgement(producer Producer, message *ProducerMessage, msgID MessageID) {
	for _, interceptor := range x {
		interceptor.OnSendAcknowledgement(producer, message, msgID)
	}
}

// ConsumerInterceptor sees each message that a consumer receives. Its methods must not block, and may be called by many
// goroutines at the same time.
type ConsumerInterceptor interface {
	// BeforeConsume is called before a message is given to the program.
	BeforeConsume(message ConsumerMessage)

	// OnAcknowledge is called when the program acknowledges a message.
	OnAcknowledge(consumer Consumer, msgID MessageID)

	// OnNegativeAcksSend is called when the broker is asked to send messages again that the program refused.
	OnNegativeAcksSend(consumer Consumer, msgIDs []MessageID)
}

// ConsumerInterceptors are called in their order.
type ConsumerInterceptors []ConsumerInterceptor

// BeforeConsume calls that of each interceptor.
func (x ConsumerInterceptors) BeforeConsume(message ConsumerMessage) {
	for _, interceptor := range x {
		interceptor.BeforeConsume(message)
	}
}

// OnAcknowledge calls that of each interceptor.
func (x ConsumerInterceptors) OnAcknowledge(consumer Consumer, msgID MessageID) {
	for _, interceptor := range x {
		interceptor.OnAcknowledge(consumer, msgID)
	}
}

// OnNegativeAcksSend calls that of each interceptor.
func (x ConsumerInterceptors) OnNegativeAcksSend(consumer Consumer, msgIDs []MessageID) {
	for _, interceptor := range x {
		interceptor.OnNegativeAcksSend(consumer, msgIDs)
	}
}
