package cairn.server.nbd;

import cairn.server.volume.Volume.Extent;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.DefaultByteBufHolder;
import java.util.List;

/** The answer to one request. */
interface NbdReply {
    /** The request's cookie. */
    long cookie();

    /** Done, and there is nothing more to say. */
    record Done(long cookie) implements NbdReply {}

    /** @param message for people */
    record Failed(long cookie, NbdError error, String message) implements NbdReply {}

    /** Where data and holes are; of at least one extent, each of at least one byte. */
    record Status(long cookie, List<Extent> extents) implements NbdReply {
        public Status {
            extents = List.copyOf(extents);
        }
    }

    /** Bytes that were read, at least one; they are the reply's own, and released with it. */
    final class Data extends DefaultByteBufHolder implements NbdReply {
        private final long cookie;
        private final long offset;

        /** Takes {@code bytes}. */
        Data(long cookie, long offset, ByteBuf bytes) {
            super(bytes);
            this.cookie = cookie;
            this.offset = offset;
        }

        @Override
        public long cookie() {
            return cookie;
        }

        /** Where in the volume the bytes lie. */
        long offset() {
            return offset;
        }

        @Override
        public Data replace(ByteBuf bytes) {
            return new Data(cookie, offset, bytes);
        }

        @Override
        public boolean equals(Object other) {
            return this == other;
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(this);
        }
    }
}
