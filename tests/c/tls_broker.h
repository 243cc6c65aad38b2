/* A test broker with TLS that wants certificates of clients, in a process of its own; and what goes with it, made by the
 * openssl program in a folder that goes with the broker. */
#pragma once

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TLS_TEXT 8192

struct tls_broker {
    char folder[64];
    char trust[96]; /* the authority's certificate, a file in PEM */
    char url[64];
    char https_url[64];
    pid_t process;
    int commands;  /* the broker's standard input */
    FILE *answers; /* its standard output */
};

static inline void run_openssl(const char *folder, const char *arguments) {
    char command[700];
    snprintf(command, sizeof(command), "cd %s && openssl %s 2>/dev/null", folder, arguments);
    if (system(command) != 0) {
        fprintf(stderr, "failed: %s\n", command);
        exit(1);
    }
}

/* Has NAME.pem and NAME.key in the folder: a certificate of the authority `ca`, with its key. */
static inline void issue(const char *folder, const char *name) {
    char arguments[500];
    snprintf(arguments, sizeof(arguments),
             "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout %s.key -subj /CN=%s -out %s.csr", name,
             name, name);
    run_openssl(folder, arguments);
    snprintf(arguments, sizeof(arguments),
             "x509 -req -in %s.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out %s.pem", name, name);
    run_openssl(folder, arguments);
}

/* What a file of the folder has. */
static inline void load_text(const char *folder, const char *name, char text[TLS_TEXT]) {
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        exit(1);
    }
    text[fread(text, 1, TLS_TEXT - 1, file)] = 0;
    fclose(file);
}

/* Where cargo puts the broker: tests are below target/c. */
static inline void find_broker(char *path, size_t size) {
    char own[4000];
    ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);
    own[len > 0 ? len : 0] = 0;
    char *target = strstr(own, "/target/c/");
    if (target) {
        *target = 0;
    }
    snprintf(path, size, "%s/target/release/pulsar-testbroker", own);
    if (!target || access(path, X_OK) != 0) {
        fprintf(stderr, "there is no %s: run `make build`\n", path);
        exit(1);
    }
}

static inline struct tls_broker start_tls_broker(void) {
    struct tls_broker broker = {.folder = "/tmp/pulsar_rs-tls-XXXXXX"};
    int input[2], output[2];
    char path[4100], line[100];
    find_broker(path, sizeof(path));
    if (!mkdtemp(broker.folder) || pipe(input) != 0 || pipe(output) != 0) {
        perror("tls broker");
        exit(1);
    }
    snprintf(broker.trust, sizeof(broker.trust), "%s/ca.pem", broker.folder);
    run_openssl(broker.folder, "version >/dev/null && echo subjectAltName=IP:127.0.0.1 >names");
    run_openssl(broker.folder, "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -subj /CN=authority "
                               "-days 2 -out ca.pem");
    issue(broker.folder, "server");
    broker.process = fork();
    if (broker.process == 0) {
        dup2(input[0], 0);
        dup2(output[1], 1);
        for (int i = 0; i < 2; i++) {
            close(input[i]);
            close(output[i]);
        }
        if (chdir(broker.folder) == 0) {
            execl(path, path, "--tls-port", "0", "--certificate", "server.pem", "--key", "server.key", "--client-ca", "ca.pem",
                  "--control", NULL);
        }
        _exit(127);
    }
    close(input[0]);
    close(output[1]);
    broker.commands = input[1];
    broker.answers = fdopen(output[0], "r");
    while (broker.answers && !broker.https_url[0] && fgets(line, sizeof(line), broker.answers)) {
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, "pulsar+ssl://", 13) == 0) {
            snprintf(broker.url, sizeof(broker.url), "%.60s", line);
        } else if (strncmp(line, "https://", 8) == 0) {
            snprintf(broker.https_url, sizeof(broker.https_url), "%.60s", line);
        }
    }
    if (!broker.https_url[0]) {
        fprintf(stderr, "the broker does not start\n");
        exit(1);
    }
    return broker;
}

/* Ends all connections; returns how many those were, -1 for a failure. */
static inline int drop_tls_connections(const struct tls_broker *broker) {
    static const char command[] = "drop-connections\n";
    char answer[100];
    int count = -1;
    if (write(broker->commands, command, strlen(command)) < 0 || !fgets(answer, sizeof(answer), broker->answers) ||
        sscanf(answer, "ok %d", &count) != 1) {
        return -1;
    }
    return count;
}

static inline void stop_tls_broker(struct tls_broker *broker) {
    char command[100];
    kill(broker->process, SIGTERM);
    waitpid(broker->process, NULL, 0);
    close(broker->commands);
    fclose(broker->answers);
    snprintf(command, sizeof(command), "rm -r %s", broker->folder);
    if (system(command) != 0) {
        fprintf(stderr, "failed: %s\n", command);
    }
}
