package cairn.server.nbd;

import cairn.Fault;

/** Why a request failed; with its code on the wire. */
enum NbdError {
    EPERM(1),
    EIO(5),
    EINVAL(22),
    ENOSPC(28),
    EOVERFLOW(75),
    ESHUTDOWN(108);

    private final int code;

    NbdError(int code) {
        this.code = code;
    }

    int code() {
        return code;
    }

    static NbdError of(Fault fault) {
        return switch (fault) {
            case INVALID_REQUEST -> EINVAL;
            case UNAUTHENTICATED, FORBIDDEN -> EPERM;
            case TOO_LARGE -> EOVERFLOW;
            case NO_SPACE -> ENOSPC;
            case SHUTTING_DOWN -> ESHUTDOWN;
            case NOT_FOUND, CONFLICT, CORRUPT, UNAVAILABLE, INTERNAL -> EIO;
        };
    }
}
