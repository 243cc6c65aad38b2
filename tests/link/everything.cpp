// One program with much of what large programs have beside this library: OpenSSL, protobuf, four codecs, C++ exceptions
// and another Rust library. Each is used, and panics end where they are caught. PROGRAM URL
#include <dlfcn.h>
#include <errno.h>
#include <google/protobuf/struct.pb.h>
#include <lz4.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <pulsar_rs.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <atomic>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

extern "C" int other_threads(int count);
extern "C" int other_panic(void);

static std::atomic<bool> no_threads;

// Taken by both Rust libraries in place of the C library's, so that threads can be refused.
extern "C" int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument) noexcept {
    using Create = int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    static const auto create = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
    return no_threads ? EAGAIN : create(thread, attributes, run, argument);
}

namespace {

void require(bool holds, const std::string &what) {
    if (!holds) {
        throw std::runtime_error(what);
    }
}

void check(pulsar_result result, const std::string &what) {
    require(result == pulsar_result_Ok, what + ": " + pulsar_result_str(result));
}

const std::string text = [] {
    std::string repeated;
    for (int line = 0; line < 2000; line++) {
        repeated += "line " + std::to_string(line) + " of many\n";
    }
    return repeated;
}();

void use_codecs() {
    std::vector<char> small(2 * text.size());
    std::string again(text.size(), '\0');
    size_t length = ZSTD_compress(small.data(), small.size(), text.data(), text.size(), 3);
    require(ZSTD_decompress(again.data(), again.size(), small.data(), length) == text.size() && again == text, "zstd");

    again.assign(text.size(), '\0');
    int short_length = LZ4_compress_default(text.data(), small.data(), int(text.size()), int(small.size()));
    require(LZ4_decompress_safe(small.data(), again.data(), short_length, int(again.size())) == int(text.size()) && again == text, "lz4");

    std::string squeezed;
    snappy::Compress(text.data(), text.size(), &squeezed);
    require(snappy::Uncompress(squeezed.data(), squeezed.size(), &again) && again == text, "snappy");

    again.assign(text.size(), '\0');
    uLongf deflated = small.size(), inflated = again.size();
    require(compress(reinterpret_cast<Bytef *>(small.data()), &deflated, reinterpret_cast<const Bytef *>(text.data()), text.size()) == Z_OK, "zlib");
    require(uncompress(reinterpret_cast<Bytef *>(again.data()), &inflated, reinterpret_cast<const Bytef *>(small.data()), deflated) == Z_OK && again == text, "zlib");
}

void use_openssl() {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    require(EVP_Digest("abc", 3, digest, &length, EVP_sha256(), nullptr) == 1 && length == 32, "SHA-256 of OpenSSL");
    require(digest[0] == 0xba && digest[31] == 0xad, "SHA-256 of OpenSSL is wrong");
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    require(context != nullptr, "TLS of OpenSSL");
    SSL_CTX_free(context);
}

std::string use_protobuf() {
    google::protobuf::Struct message;
    (*message.mutable_fields())["text"].set_string_value(text);
    return message.SerializeAsString();
}

// Sends with each codec of ours what protobuf made, and reads it with protobuf.
void use_pulsar(const char *url) {
    pulsar_client_t *client = pulsar_client_create(url, nullptr);
    for (auto codec : {pulsar_CompressionNone, pulsar_CompressionLZ4, pulsar_CompressionZLib, pulsar_CompressionZSTD, pulsar_CompressionSNAPPY}) {
        const std::string topic = "everything-" + std::to_string(codec);
        pulsar_consumer_t *consumer = nullptr;
        check(pulsar_client_subscribe(client, topic.c_str(), "all", nullptr, &consumer), "subscribe");
        pulsar_producer_configuration_t *configuration = pulsar_producer_configuration_create();
        pulsar_producer_configuration_set_compression_type(configuration, codec);
        pulsar_producer_t *producer = nullptr;
        check(pulsar_client_create_producer(client, topic.c_str(), configuration, &producer), "create the producer");
        pulsar_producer_configuration_free(configuration);

        const std::string content = use_protobuf();
        pulsar_message_t *message = pulsar_message_create();
        pulsar_message_set_content(message, content.data(), content.size());
        check(pulsar_producer_send(producer, message), "send");
        pulsar_message_free(message);

        pulsar_message_t *received = nullptr;
        check(pulsar_consumer_receive_with_timeout(consumer, &received, 10000), "receive");
        google::protobuf::Struct read;
        require(read.ParseFromArray(pulsar_message_get_data(received), int(pulsar_message_get_length(received))), "parse");
        require(read.fields().at("text").string_value() == text, "another text came back");
        check(pulsar_consumer_acknowledge(consumer, received), "acknowledge");
        pulsar_message_free(received);
        pulsar_producer_free(producer);
        pulsar_consumer_free(consumer);
    }
    check(pulsar_client_close(client), "close");
    pulsar_client_free(client);
}

// A runtime of several threads panics where it gets none; the call that wanted it says so in its result.
void have_pulsar_panic(const char *url) {
    pulsar_client_configuration_t *configuration = pulsar_client_configuration_create();
    pulsar_client_configuration_set_io_threads(configuration, 2);
    no_threads = true;
    pulsar_client_t *client = pulsar_client_create(url, configuration);
    pulsar_producer_t *producer = nullptr;
    pulsar_result result = pulsar_client_create_producer(client, "none", nullptr, &producer);
    no_threads = false;
    pulsar_client_free(client);
    pulsar_client_configuration_free(configuration);
    require(result != pulsar_result_Ok && producer == nullptr, "a client without threads works");
}

}  // namespace

int main(int argc, char **argv) {
    try {
        require(argc == 2, "give the broker's URL");
        use_codecs();
        use_openssl();
        require(other_threads(5) == 5, "threads of the other library");
        use_pulsar(argv[1]);
        require(other_panic() == 1, "the other library did not catch its panic");
        have_pulsar_panic(argv[1]);
        use_pulsar(argv[1]);
        require(other_panic() == 1, "the other library did not catch its second panic");
        google::protobuf::ShutdownProtobufLibrary();
        std::cout << "all of them work in one program\n";
        return 0;
    } catch (const std::exception &error) {
        std::cerr << "failed: " << error.what() << '\n';
        return 1;
    }
}
