package cairn.server.nbd;

import cairn.Fault;

/** How an option is answered; with its code on the wire. */
enum NbdOptionReply {
    ACK(1),
    SERVER(2),
    INFO(3),
    META_CONTEXT(4),
    ERR_UNSUP(1 << 31 | 1),
    ERR_POLICY(1 << 31 | 2),
    ERR_INVALID(1 << 31 | 3),
    ERR_PLATFORM(1 << 31 | 4),
    ERR_UNKNOWN(1 << 31 | 6),
    ERR_SHUTDOWN(1 << 31 | 7),
    ERR_TOO_BIG(1 << 31 | 9);

    private final int code;

    NbdOptionReply(int code) {
        this.code = code;
    }

    int code() {
        return code;
    }

    static NbdOptionReply of(Fault fault) {
        return switch (fault) {
            case INVALID_REQUEST -> ERR_INVALID;
            case UNAUTHENTICATED, FORBIDDEN -> ERR_POLICY;
            case NOT_FOUND -> ERR_UNKNOWN;
            case TOO_LARGE -> ERR_TOO_BIG;
            case SHUTTING_DOWN -> ERR_SHUTDOWN;
            // The protocol has no word for a fault of the server's own. This one makes no client retry at once.
            case CONFLICT, NO_SPACE, CORRUPT, UNAVAILABLE, INTERNAL -> ERR_PLATFORM;
        };
    }
}
