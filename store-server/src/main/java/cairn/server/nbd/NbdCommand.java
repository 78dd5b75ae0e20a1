package cairn.server.nbd;

/** What a request asks for; with its code on the wire. */
enum NbdCommand {
    READ(0),
    WRITE(1),
    DISC(2),
    FLUSH(3),
    TRIM(4),
    CACHE(5),
    WRITE_ZEROES(6),
    BLOCK_STATUS(7),
    /** Any code we do not know, RESIZE (8) among them. */
    UNKNOWN(-1);

    /** Not done before it would survive a crash. */
    static final int FLAG_FUA = 1;
    /** WRITE_ZEROES: the space stays set aside. */
    static final int FLAG_NO_HOLE = 1 << 1;
    /** READ: one content chunk only. */
    static final int FLAG_DF = 1 << 2;
    /** BLOCK_STATUS: one extent only. */
    static final int FLAG_REQ_ONE = 1 << 3;
    /** WRITE_ZEROES: not if it takes longer than writing the zeros would. */
    static final int FLAG_FAST_ZERO = 1 << 4;

    private static final NbdCommand[] BY_CODE = {
        READ, WRITE, DISC, FLUSH, TRIM, CACHE, WRITE_ZEROES, BLOCK_STATUS
    };

    private final int code;

    NbdCommand(int code) {
        this.code = code;
    }

    int code() {
        return code;
    }

    /** Whether it changes what the export holds. */
    boolean writes() {
        return this == WRITE || this == TRIM || this == WRITE_ZEROES;
    }

    /** Whether as many bytes as its length go over the wire. */
    boolean movesBytes() {
        return this == READ || this == WRITE;
    }

    static NbdCommand of(int code) {
        return code >= 0 && code < BY_CODE.length ? BY_CODE[code] : UNKNOWN;
    }
}
