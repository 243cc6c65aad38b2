// Sends a message and receives it: main_static pulsar://localhost:6650 TOPIC
#include <pulsar/c/client.h>

#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

template <auto free>
struct Freed {
    template <typename T>
    void operator()(T *handle) const {
        free(handle);
    }
};

template <typename T, auto free>
using Handle = std::unique_ptr<T, Freed<free>>;

using Client = Handle<pulsar_client_t, pulsar_client_free>;
using Producer = Handle<pulsar_producer_t, pulsar_producer_free>;
using Consumer = Handle<pulsar_consumer_t, pulsar_consumer_free>;
using Message = Handle<pulsar_message_t, pulsar_message_free>;

void check(pulsar_result result) {
    if (result != pulsar_result_Ok) {
        throw std::runtime_error(pulsar_result_str(result));
    }
}

std::string exchange(const char *url, const char *topic) {
    Client client(pulsar_client_create(url, nullptr));

    pulsar_consumer_t *consumer = nullptr;
    check(pulsar_client_subscribe(client.get(), topic, "main", nullptr, &consumer));
    Consumer consumer_freed(consumer);

    pulsar_producer_t *producer = nullptr;
    check(pulsar_client_create_producer(client.get(), topic, nullptr, &producer));
    Producer producer_freed(producer);

    const std::string text = "hello from C++";
    Message message(pulsar_message_create());
    pulsar_message_set_content(message.get(), text.data(), text.size());
    check(pulsar_producer_send(producer, message.get()));

    pulsar_message_t *received = nullptr;
    check(pulsar_consumer_receive_with_timeout(consumer, &received, 10000));
    Message received_freed(received);
    check(pulsar_consumer_acknowledge(consumer, received));
    std::string content(static_cast<const char *>(pulsar_message_get_data(received)),
                        pulsar_message_get_length(received));
    check(pulsar_client_close(client.get()));
    return content;
}

}  // namespace

int main(int argc, char **argv) {
    if (argc != 3) {
        std::cerr << "usage: " << argv[0] << " URL TOPIC\n";
        return 2;
    }
    try {
        std::cout << exchange(argv[1], argv[2]) << '\n';
        return 0;
    } catch (const std::exception &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
