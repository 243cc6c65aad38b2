/* String lists, string maps, and partitions, which come as a list. */
#include "observe.h"

#define AREA "containers"

static void lists(const char *url) {
    (void)url;
    pulsar_string_list_t *list = pulsar_string_list_create();
    observe(AREA, "string_list, new: size", "%d", pulsar_string_list_size(list));
    pulsar_string_list_append(list, "b");
    pulsar_string_list_append(list, "a");
    observe(AREA, "string_list append b, a", "size %d, order %s %s", pulsar_string_list_size(list),
            pulsar_string_list_get(list, 0), pulsar_string_list_get(list, 1));
    pulsar_string_list_free(list);
}

static void maps(const char *url) {
    (void)url;
    pulsar_string_map_t *map = pulsar_string_map_create();
    observe(AREA, "string_map, new: size", "%d", pulsar_string_map_size(map));
    pulsar_string_map_put(map, "b", "1");
    pulsar_string_map_put(map, "a", "2");
    observe(AREA, "string_map put b=1, a=2", "size %d, %s=%s %s=%s", pulsar_string_map_size(map),
            pulsar_string_map_get_key(map, 0), pulsar_string_map_get_value(map, 0),
            pulsar_string_map_get_key(map, 1), pulsar_string_map_get_value(map, 1));
    pulsar_string_map_put(map, "b", "3");
    observe(AREA, "string_map put of a key that is there", "size %d, %s", pulsar_string_map_size(map),
            pulsar_string_map_get(map, "b"));
    observe(AREA, "string_map get of a missing key", "%s", pulsar_string_map_get(map, "no") ? "text" : "NULL");
    pulsar_string_map_free(map);
}

static void list_out_of_range(const char *url) {
    (void)url;
    pulsar_string_list_t *list = pulsar_string_list_create();
    observe(AREA, "string_list_get out of range", "%s", pulsar_string_list_get(list, 100000) ? "text" : "NULL");
    pulsar_string_list_free(list);
}

static void names_of(pulsar_client_t *client, const char *name, const char *topic) {
    pulsar_string_list_t *partitions = NULL;
    pulsar_result result = pulsar_client_get_topic_partitions(client, topic, &partitions);
    char text[500] = "";
    for (int i = 0; partitions && i < pulsar_string_list_size(partitions); i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, " %s", pulsar_string_list_get(partitions, i));
    }
    observe(AREA, name, "%s%s", named(result), text);
    pulsar_string_list_free(partitions);
}

/* The driver creates the topic conformance-parts with three partitions. */
static void partitions(const char *url) {
    pulsar_client_t *client = open_client(url);
    names_of(client, "get_topic_partitions, 3 partitions", "persistent://public/default/conformance-parts");
    names_of(client, "get_topic_partitions, topic that does not exist",
             "persistent://public/default/conformance-nowhere");
    names_of(client, "get_topic_partitions, short name", "conformance-nowhere");
    names_of(client, "get_topic_partitions of one partition's name",
             "persistent://public/default/conformance-parts-partition-1");
    names_of(client, "get_topic_partitions in a namespace that does not exist", "persistent://public/nowhere/t");
    pulsar_producer_t *producer = NULL;
    pulsar_result result = try_producer(client, "conformance-parts-partition-1", (struct producer_options){0},
                                        &producer);
    observe(AREA, "create_producer on a partition", "%s, topic %s", named(result),
            producer ? pulsar_producer_get_topic(producer) : "none");
    if (producer) {
        end_producer(producer);
        producer = NULL;
    }
    result = try_producer(client, "conformance-parts-partition-7", (struct producer_options){0}, &producer);
    observe_result(AREA, "create_producer on partition 7 of 3", result);
    if (producer) {
        end_producer(producer);
    }
    end_client(client);
}

static void partitioned(const char *url) {
    pulsar_client_t *client = open_client(url);
    pulsar_producer_t *producer = NULL;
    observe_result(AREA, "create_producer on a partitioned topic",
                   try_producer(client, "conformance-parts", (struct producer_options){0}, &producer));
    if (producer) {
        end_producer(producer);
    }
    pulsar_consumer_t *consumer = NULL;
    observe_result(AREA, "subscribe to a partitioned topic",
                   try_subscribe(client, "conformance-parts", "s", (struct consumer_options){0}, &consumer));
    if (consumer) {
        end_consumer(consumer);
    }
    end_client(client);
}

OBSERVE_MAIN(GROUP(AREA, lists), GROUP(AREA, maps),
             CASE(AREA, "string_list_get out of range", list_out_of_range), GROUP(AREA, partitions),
             GROUP(AREA, partitioned))
