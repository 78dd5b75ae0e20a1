package cairn.chunk;

import cairn.Digest;

/** Names a chunk by the SHA-256 of its plain bytes: equal bytes have equal ids. */
public record ChunkId(Digest digest) {
    /** Stands for a chunk of zeros, which is stored nowhere. */
    public static final ChunkId ABSENT = new ChunkId(Digest.ZERO);

    public boolean isAbsent() {
        return digest.isZero();
    }

    /** 64 lower-case hexadecimal digits. */
    @Override
    public String toString() {
        return digest.toString();
    }
}
