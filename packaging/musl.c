/*
 * Has panics unwind in static programs with musl, whatever linked them. First in the one object of the library, so that
 * the mark below is the beginning of the library's unwind tables.
 *
 * An unwinder finds these tables through a header that linkers write if told so, with --eh-frame-hdr: musl-gcc does not
 * tell. Without it a panic would end the program, so the tables are registered when it starts.
 */
#define _GNU_SOURCE

#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The register, or column, that holds it when a function begins: the number that unwind tables have for it. */
#if defined(__x86_64__)
#define RETURN_ADDRESS "16"
#elif defined(__aarch64__)
#define RETURN_ADDRESS "30"
#else
#error "unknown processor"
#endif

/* An entry of its own, for the beginning of the function below: linkers leave out what nothing refers to, and put
 * together what is the same; then the mark would be elsewhere. Data alignment -31 makes it like no other. */
__asm__(".pushsection .eh_frame, \"a\", @progbits\n"
        ".hidden pulsar_unwind_tables\n"
        ".globl pulsar_unwind_tables\n"
        "pulsar_unwind_tables:\n"
        "        .long 2f - 1f\n"
        "1:      .long 0\n"
        "        .byte 1\n"
        "        .asciz \"zR\"\n"
        "        .uleb128 1\n"
        "        .sleb128 -31\n"
        "        .byte " RETURN_ADDRESS "\n"
        "        .uleb128 1\n"
        "        .byte 0x1b\n"
        "        .balign 8, 0\n"
        "2:      .long 4f - 3f\n"
        "3:      .long 3b - pulsar_unwind_tables\n"
        "        .long register_unwind_tables - .\n"
        "        .long 1\n"
        "        .uleb128 0\n"
        "        .balign 8, 0\n"
        "4:      .popsection\n");
extern const char pulsar_unwind_tables[];

void __register_frame(const void *tables);

#ifdef WITH_LIBGCC
#include <pthread.h>

/* libgcc_eh was made for glibc. It refers to these weakly: in a static program they are only there if somebody else
 * wants them, and it would call address 0. */
__attribute__((used)) static void *const wanted[] = {
    (void *)pthread_once,       (void *)pthread_key_create,   (void *)pthread_getspecific, (void *)pthread_setspecific,
    (void *)pthread_mutex_lock, (void *)pthread_mutex_unlock, (void *)pthread_create,
};

int _dl_find_object(void *address, void *found);

/* It asks glibc for the tables of what is not registered: there is nothing else. */
int _dl_find_object(void *address, void *found) {
    (void)address, (void)found;
    return -1;
}

__attribute__((constructor)) static void register_unwind_tables(void) {
    /* All of them; it looks at them when it first needs one. */
    __register_frame(pulsar_unwind_tables);
}
#else
static int has_header(struct dl_phdr_info *object, size_t size, void *context) {
    (void)size, (void)context;
    /* The program itself is the first object, and in a static program the only one. */
    for (int i = 0; i < object->dlpi_phnum; i++) {
        if (object->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME) {
            return 1;
        }
    }
    return -1;
}

__attribute__((constructor)) static void register_unwind_tables(void) {
    if (dl_iterate_phdr(has_header, NULL) == 1) {
        return;
    }
    /* LLVM's libunwind wants them one by one. Each begins with the length of its rest, and says by 0 that it is what
     * functions have in common, not a function. The end of all is a length of 0. */
    uint32_t head[2];
    for (const char *at = pulsar_unwind_tables; memcpy(head, at, sizeof(head)), head[0] != 0; at += 4 + head[0]) {
        if (head[1] != 0) {
            __register_frame(at);
        }
    }
}
#endif
