package cairn.server.nbd;

import cairn.server.volume.Volume;

/** What a client may ask of an export; with the bits on the wire. */
final class TransmissionFlags {
    static final int HAS_FLAGS = 1;
    static final int READ_ONLY = 1 << 1;
    static final int SEND_FLUSH = 1 << 2;
    static final int SEND_FUA = 1 << 3;
    static final int SEND_TRIM = 1 << 5;
    static final int SEND_WRITE_ZEROES = 1 << 6;
    static final int SEND_DF = 1 << 7;
    static final int CAN_MULTI_CONN = 1 << 8;
    static final int SEND_CACHE = 1 << 10;
    static final int SEND_FAST_ZERO = 1 << 11;

    /** A flush of ours covers the writes of every client, so clients may use several connections. */
    private static final int ALWAYS = HAS_FLAGS | SEND_FLUSH | CAN_MULTI_CONN | SEND_CACHE;
    /** Zeroing stores no bytes, so it is always faster than writing them. */
    private static final int WRITABLE = SEND_FUA | SEND_TRIM | SEND_WRITE_ZEROES | SEND_FAST_ZERO;

    private TransmissionFlags() {}

    static int of(Volume volume, boolean isStructured) {
        return ALWAYS | (volume.isWritable() ? WRITABLE : READ_ONLY) | (isStructured ? SEND_DF : 0);
    }
}
