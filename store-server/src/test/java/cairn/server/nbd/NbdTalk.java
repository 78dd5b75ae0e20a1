package cairn.server.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.embedded.EmbeddedChannel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A client that says exactly what a test wants it to, and takes answers apart by the letter of the protocol. */
abstract class NbdTalk {
    /** A reply to an option. */
    record OptionReply(int option, int code, byte[] payload) {
        boolean is(NbdOptionReply reply) {
            return code == reply.code();
        }

        ByteBuffer data() {
            return ByteBuffer.wrap(payload);
        }

        String text(int from) {
            return new String(payload, from, payload.length - from, StandardCharsets.UTF_8);
        }
    }

    /** A reply to a request; the type of a simple one is -1. */
    record Reply(long cookie, int type, int error, byte[] payload) {
        String message() {
            return new String(payload, StandardCharsets.UTF_8);
        }
    }

    abstract void send(byte[] bytes);

    /** Exactly that many bytes. */
    abstract ByteBuffer receive(int bytes);

    static byte[] join(byte[]... parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }

    static byte[] int32(int value) {
        return ByteBuffer.allocate(4).putInt(value).array();
    }

    static byte[] text(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static byte[] option(int code, byte[] payload) {
        return join(optionHeader(code, payload.length), payload);
    }

    static byte[] optionHeader(int code, int lengthBytes) {
        return ByteBuffer.allocate(16).putLong(NbdHandshake.OPTION_MAGIC).putInt(code).putInt(lengthBytes).array();
    }

    static byte[] option(NbdOption option, byte[]... payload) {
        return option(option.code(), join(payload));
    }

    /** The payload of GO and INFO. */
    static byte[] question(String name, int... infos) {
        ByteBuffer payload = ByteBuffer.allocate(6 + text(name).length + 2 * infos.length);
        payload.putInt(text(name).length).put(text(name)).putShort((short) infos.length);
        Arrays.stream(infos).forEach(info -> payload.putShort((short) info));
        return payload.array();
    }

    /** The payload of LIST_META_CONTEXT and SET_META_CONTEXT. */
    static byte[] queries(String name, String... queries) {
        byte[] payload = join(int32(text(name).length), text(name), int32(queries.length));
        for (String query : queries) {
            payload = join(payload, int32(text(query).length), text(query));
        }
        return payload;
    }

    static byte[] request(NbdCommand command, int flags, long cookie, long offset, long lengthBytes) {
        return request(command.code(), flags, cookie, offset, lengthBytes);
    }

    static byte[] request(int code, int flags, long cookie, long offset, long lengthBytes) {
        return ByteBuffer.allocate(NbdRequestDecoder.HEADER_BYTES)
                .putInt(NbdRequestDecoder.MAGIC)
                .putShort((short) flags)
                .putShort((short) code)
                .putLong(cookie)
                .putLong(offset)
                .putInt((int) lengthBytes)
                .array();
    }

    static byte[] read(long cookie, long offset, long lengthBytes) {
        return request(NbdCommand.READ, 0, cookie, offset, lengthBytes);
    }

    static byte[] write(long cookie, long offset, byte[] bytes) {
        return write(0, cookie, offset, bytes);
    }

    static byte[] write(int flags, long cookie, long offset, byte[] bytes) {
        return join(request(NbdCommand.WRITE, flags, cookie, offset, bytes.length), bytes);
    }

    /** Takes the server's greeting and answers it. */
    NbdTalk greet(int clientFlags) {
        takeGreeting();
        send(int32(clientFlags));
        return this;
    }

    void takeGreeting() {
        ByteBuffer greeting = receive(18);
        assertEquals(NbdHandshake.MAGIC, greeting.getLong());
        assertEquals(NbdHandshake.OPTION_MAGIC, greeting.getLong());
        assertEquals(3, greeting.getShort());
    }

    /** Greets, and goes on to the export. */
    NbdTalk enter(String name, boolean isStructured) {
        greet(3);
        if (isStructured) {
            assertEquals(1, ask(NbdOption.STRUCTURED_REPLY).get(0).code());
            assertEquals(2, ask(NbdOption.SET_META_CONTEXT, queries(name, NbdMetaQuestion.ALLOCATION)).size());
        }
        List<OptionReply> replies = ask(NbdOption.GO, question(name));
        assertEquals(NbdOptionReply.ACK.code(), replies.get(replies.size() - 1).code());
        return this;
    }

    List<OptionReply> ask(NbdOption option, byte[]... payload) {
        send(option(option, payload));
        return optionReplies(option.code());
    }

    List<OptionReply> ask(int option, byte[] payload) {
        send(option(option, payload));
        return optionReplies(option);
    }

    /** All replies to one option: up to ACK, or an error. */
    List<OptionReply> optionReplies(int option) {
        List<OptionReply> replies = new ArrayList<>();
        int code;
        do {
            ByteBuffer header = receive(20);
            assertEquals(NbdOptionWriter.MAGIC, header.getLong());
            assertEquals(option, header.getInt());
            code = header.getInt();
            replies.add(new OptionReply(option, code, bytes(receive(header.getInt()))));
        } while (code != NbdOptionReply.ACK.code() && code >= 0);
        return replies;
    }

    /** A simple reply, to a read of so many bytes or to anything else. */
    Reply simpleReply(int readBytes) {
        ByteBuffer header = receive(NbdReplyEncoder.SIMPLE_BYTES);
        assertEquals(NbdReplyEncoder.SIMPLE_MAGIC, header.getInt());
        int error = header.getInt();
        return new Reply(header.getLong(), -1, error, bytes(receive(error == 0 ? readBytes : 0)));
    }

    /** A structured reply. Of data the payload is what follows the offset; of an error, its message. */
    Reply structuredReply() {
        ByteBuffer header = receive(NbdReplyEncoder.STRUCTURED_BYTES);
        assertEquals(NbdReplyEncoder.STRUCTURED_MAGIC, header.getInt());
        assertEquals(1, header.getShort(), "the only chunk");
        int type = header.getShort() & 0xffff;
        long cookie = header.getLong();
        ByteBuffer payload = receive(header.getInt());
        int error = 0;
        if (type == NbdReplyEncoder.TYPE_ERROR) {
            error = payload.getInt();
            assertEquals(payload.remaining() - 2, payload.getShort(), "message length");
        } else if (type == NbdReplyEncoder.TYPE_OFFSET_DATA) {
            payload.getLong();
        }
        return new Reply(cookie, type, error, bytes(payload));
    }

    private static byte[] bytes(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return bytes;
    }

    /**
     * A channel in memory, whose socket can be made to take nothing. Tasks run when a test says so: by itself an
     * embedded channel runs them in the middle of a write, which no real event loop does.
     */
    static final class MemoryChannel extends EmbeddedChannel {
        /** Null while the channel is being made, which needs its tasks run. */
        private final Object made = new Object();
        private boolean isStalled;

        @Override
        public void runPendingTasks() {
            if (made == null) {
                super.runPendingTasks();
            }
        }

        private void run() {
            super.runPendingTasks();
        }

        @Override
        protected void doWrite(ChannelOutboundBuffer out) throws Exception {
            if (!isStalled) {
                super.doWrite(out);
            }
        }
    }

    /** Over a channel that lives in memory. */
    static final class Embedded extends NbdTalk {
        final MemoryChannel channel = new MemoryChannel();
        private byte[] received = new byte[0];

        Embedded(Exports exports, Exports.Peer peer, NbdLimits limits, ByteBudget budget) {
            NbdConnection.greet(channel.pipeline(), exports, peer, limits, budget);
        }

        /** One whose server gets its buffers from an allocator. */
        Embedded(
                Exports exports,
                Exports.Peer peer,
                NbdLimits limits,
                ByteBudget budget,
                ByteBufAllocator allocator) {
            channel.config().setAllocator(allocator);
            NbdConnection.greet(channel.pipeline(), exports, peer, limits, budget);
        }

        /** Runs what is waiting on the event loop. */
        void run() {
            channel.run();
        }

        void passTime(long millis) {
            channel.advanceTimeBy(millis, TimeUnit.MILLISECONDS);
            channel.runScheduledPendingTasks();
            run();
        }

        @Override
        void send(byte[] bytes) {
            channel.writeInbound(Unpooled.wrappedBuffer(bytes));
            run();
        }

        void stall() {
            channel.isStalled = true;
        }

        void goOn() {
            channel.isStalled = false;
            channel.flush();
            run();
        }

        /** What has come so far, and nobody has asked for. */
        int receivedBytes() {
            collect();
            return received.length;
        }

        @Override
        ByteBuffer receive(int bytes) {
            collect();
            assertEquals(bytes, Math.min(bytes, received.length), "bytes that have come");
            ByteBuffer taken = ByteBuffer.wrap(Arrays.copyOf(received, bytes));
            received = Arrays.copyOfRange(received, bytes, received.length);
            return taken;
        }

        private void collect() {
            run();
            for (ByteBuf out = channel.readOutbound(); out != null; out = channel.readOutbound()) {
                byte[] bytes = new byte[out.readableBytes()];
                out.readBytes(bytes);
                out.release();
                received = join(received, bytes);
            }
        }

        boolean isOpen() {
            run();
            return channel.isOpen();
        }

        /** Closes it, and fails with what nobody has caught. */
        void end() {
            channel.finishAndReleaseAll();
            run();
            channel.checkException();
        }
    }

    /** Over a socket. */
    static final class Socket extends NbdTalk implements AutoCloseable {
        final SocketChannel channel;

        Socket(SocketChannel channel) {
            this.channel = channel;
        }

        @Override
        void send(byte[] bytes) {
            try {
                ByteBuffer out = ByteBuffer.wrap(bytes);
                while (out.hasRemaining()) {
                    channel.write(out);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        ByteBuffer receive(int bytes) {
            try {
                ByteBuffer in = ByteBuffer.allocate(bytes);
                while (in.hasRemaining()) {
                    assertEquals(true, channel.read(in) >= 0, "the server has closed the connection");
                }
                return in.flip();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        /** Whether the server closes the connection, rather than say anything more. */
        boolean isClosedByServer() {
            try {
                return channel.read(ByteBuffer.allocate(1)) < 0;
            } catch (IOException e) {
                return true;
            }
        }

        @Override
        public void close() {
            try {
                channel.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
