package cairn.server.nbd;

import java.util.Optional;

/** What a client can ask to be told about an export; with its code on the wire. */
enum NbdInfo {
    EXPORT(0),
    NAME(1),
    DESCRIPTION(2),
    BLOCK_SIZE(3);

    private final int code;

    NbdInfo(int code) {
        this.code = code;
    }

    int code() {
        return code;
    }

    /** Finds an info; clients may ask for ones that we do not know. */
    static Optional<NbdInfo> find(int code) {
        for (NbdInfo info : values()) {
            if (info.code == code) {
                return Optional.of(info);
            }
        }
        return Optional.empty();
    }
}
