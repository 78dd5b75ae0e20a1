package cairn.disk;

import java.util.Optional;

/** A run of a disk's bytes, and where its file keeps them. The disk's last may reach behind the disk's end. */
sealed interface Extent {
    /** Where it begins on the disk. */
    long offset();

    long lengthBytes();

    default long endOffset() {
        return offset() + lengthBytes();
    }

    /** Both as one, if {@code next} continues this one on the disk and in the file. */
    default Optional<Extent> join(Extent next) {
        return Optional.empty();
    }

    /** Zeros, stored nowhere. */
    record Hole(long offset, long lengthBytes) implements Extent {
        @Override
        public Optional<Extent> join(Extent next) {
            return next instanceof Hole
                    ? Optional.of(new Hole(offset, Math.addExact(lengthBytes, next.lengthBytes())))
                    : Optional.empty();
        }
    }

    /** Bytes as they are. */
    record Plain(long offset, long lengthBytes, long fileOffset) implements Extent {
        @Override
        public Optional<Extent> join(Extent next) {
            return next instanceof Plain plain && plain.fileOffset == fileOffset + lengthBytes
                    ? Optional.of(new Plain(offset, Math.addExact(lengthBytes, plain.lengthBytes), fileOffset))
                    : Optional.empty();
        }
    }

    /** A cluster to be unpacked as a whole; its packed bytes end within {@code fileBytesMax}. */
    record Packed(long offset, long lengthBytes, long fileOffset, int fileBytesMax) implements Extent {}
}
