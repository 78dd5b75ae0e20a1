package cairn.server.nbd;

/** What a client asks for during the handshake; with its code on the wire. */
enum NbdOption {
    EXPORT_NAME(1),
    ABORT(2),
    LIST(3),
    INFO(6),
    GO(7),
    STRUCTURED_REPLY(8),
    LIST_META_CONTEXT(9),
    SET_META_CONTEXT(10),
    /** Any option we do not offer, STARTTLS (5) and EXTENDED_HEADERS (11) among them. */
    UNKNOWN(-1);

    private final int code;

    NbdOption(int code) {
        this.code = code;
    }

    int code() {
        return code;
    }

    static NbdOption of(int code) {
        for (NbdOption option : values()) {
            if (option.code == code) {
                return option;
            }
        }
        return UNKNOWN;
    }
}
