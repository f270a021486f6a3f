/* Calls the static library and says how it went. */
#include <stdint.h>
#include <stdio.h>

extern int32_t handfast_no_std_proof(void);
extern size_t handfast_no_std_allocated(void);

int main(void) {
    static const char *const steps[] = {"names",    "realm",   "initiator", "KDC",   "acceptor",
                                        "identity", "message", "tampering", "replay"};
    int32_t failed = handfast_no_std_proof();
    if (failed > 0 && failed <= (int32_t)(sizeof steps / sizeof *steps)) {
        printf("no_std: failed at: %s\n", steps[failed - 1]);
        return 1;
    }
    if (failed != 0) {
        printf("no_std: failed with %d\n", (int)failed);
        return 1;
    }
    printf("no_std: login, ticket, mutual authentication and sealed messages, %zu bytes allocated\n",
           handfast_no_std_allocated());
    return 0;
}
