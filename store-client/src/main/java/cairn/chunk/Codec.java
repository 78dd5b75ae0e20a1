package cairn.chunk;

/** How a packed item's bytes are written. */
public enum Codec {
    /** As they are. */
    PLAIN(0),
    /** An LZ4 block: quick both ways. */
    LZ4(1),
    /** A zstd frame: fewer bytes, slower. */
    ZSTD(2);

    private final int wireCode;

    Codec(int wireCode) {
        this.wireCode = wireCode;
    }

    public int wireCode() {
        return wireCode;
    }
}
