package cairn.server;

import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * A disk over NBD, for a test that must know what became of each request: one at a time, and whatever goes wrong is an
 * {@link IOException}. For one thread.
 */
public final class NbdDisk implements AutoCloseable {
    private static final long GREETING_MAGIC = 0x4e42444d41474943L;
    private static final long OPTION_MAGIC = 0x49484156454f5054L;
    private static final long OPTION_REPLY_MAGIC = 0x0003e889045565a9L;
    private static final int REQUEST_MAGIC = 0x25609513;
    private static final int REPLY_MAGIC = 0x67446698;
    private static final int FIXED_NEWSTYLE_AND_NO_ZEROES = 3;
    private static final int OPT_GO = 7;
    private static final int REP_ACK = 1;
    private static final int REP_INFO = 3;
    private static final int INFO_EXPORT = 0;
    private static final int FLAG_FUA = 1;
    private static final int FLAG_NO_HOLE = 1 << 1;

    private static final int READ = 0;
    private static final int WRITE = 1;
    private static final int DISCONNECT = 2;
    private static final int FLUSH = 3;
    private static final int TRIM = 4;
    private static final int WRITE_ZEROES = 6;

    /** The server has answered, and its answer is an error. */
    static final class Refused extends IOException {
        private static final long serialVersionUID = 1L;

        private Refused(String message) {
            super(message);
        }
    }

    private final SocketChannel channel;
    private final ByteBuffer head = ByteBuffer.allocate(28);
    private long sizeBytes;
    private long cookie;

    private NbdDisk(SocketChannel channel) {
        this.channel = channel;
    }

    /** @param uri {@code nbd://HOST:PORT/EXPORT} or {@code nbd+unix:///EXPORT?socket=PATH} */
    public static NbdDisk open(URI uri) throws IOException {
        boolean isUnix = uri.getScheme().equals("nbd+unix");
        SocketAddress address = isUnix
                ? UnixDomainSocketAddress.of(Path.of(uri.getQuery().substring("socket=".length())))
                : new InetSocketAddress(uri.getHost(), uri.getPort());
        SocketChannel channel = SocketChannel.open(address);
        try {
            if (!isUnix) {
                channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            }
            NbdDisk disk = new NbdDisk(channel);
            disk.enter(uri.getPath().substring(1).getBytes(StandardCharsets.UTF_8));
            return disk;
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    private void enter(byte[] export) throws IOException {
        ByteBuffer greeting = receive(18);
        require(greeting.getLong() == GREETING_MAGIC && greeting.getLong() == OPTION_MAGIC, "no greeting");
        send(ByteBuffer.allocate(4 + 16 + 4 + export.length + 2)
                .putInt(FIXED_NEWSTYLE_AND_NO_ZEROES)
                .putLong(OPTION_MAGIC)
                .putInt(OPT_GO)
                .putInt(4 + export.length + 2)
                .putInt(export.length)
                .put(export)
                .putShort((short) 0)
                .flip());
        while (true) {
            ByteBuffer reply = receive(20);
            require(reply.getLong() == OPTION_REPLY_MAGIC && reply.getInt() == OPT_GO, "no answer to GO");
            int type = reply.getInt();
            ByteBuffer payload = receive(reply.getInt());
            if (type == REP_ACK) {
                return;
            }
            if (type != REP_INFO) {
                throw new Refused("GO: " + StandardCharsets.UTF_8.decode(payload));
            }
            if (payload.getShort() == INFO_EXPORT) {
                sizeBytes = payload.getLong();
            }
        }
    }

    public long sizeBytes() {
        return sizeBytes;
    }

    public byte[] read(long offset, int lengthBytes) throws IOException {
        ask(READ, 0, offset, lengthBytes, ByteBuffer.allocate(0));
        return receive(lengthBytes).array();
    }

    public void write(long offset, byte[] bytes, boolean isDurable) throws IOException {
        ask(WRITE, isDurable ? FLAG_FUA : 0, offset, bytes.length, ByteBuffer.wrap(bytes));
    }

    void flush() throws IOException {
        ask(FLUSH, 0, 0, 0, ByteBuffer.allocate(0));
    }

    void trim(long offset, int lengthBytes, boolean isDurable) throws IOException {
        ask(TRIM, isDurable ? FLAG_FUA : 0, offset, lengthBytes, ByteBuffer.allocate(0));
    }

    void zero(long offset, int lengthBytes, boolean isHole, boolean isDurable) throws IOException {
        int flags = (isHole ? 0 : FLAG_NO_HOLE) | (isDurable ? FLAG_FUA : 0);
        ask(WRITE_ZEROES, flags, offset, lengthBytes, ByteBuffer.allocate(0));
    }

    private void ask(int command, int flags, long offset, int lengthBytes, ByteBuffer payload) throws IOException {
        request(command, flags, offset, lengthBytes);
        send(payload);
        ByteBuffer reply = receive(16);
        require(reply.getInt() == REPLY_MAGIC, "no simple reply");
        int error = reply.getInt();
        require(reply.getLong() == cookie, "an answer to another request");
        if (error != 0) {
            throw new Refused("command " + command + " at " + offset + ", " + lengthBytes + " bytes: error " + error);
        }
    }

    private void request(int command, int flags, long offset, int lengthBytes) throws IOException {
        cookie++;
        head.clear();
        send(head.putInt(REQUEST_MAGIC)
                .putShort((short) flags)
                .putShort((short) command)
                .putLong(cookie)
                .putLong(offset)
                .putInt(lengthBytes)
                .flip());
    }

    private void send(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    private ByteBuffer receive(int lengthBytes) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(lengthBytes);
        while (bytes.hasRemaining()) {
            if (channel.read(bytes) < 0) {
                throw new EOFException("the server has closed the connection");
            }
        }
        return bytes.flip();
    }

    private static void require(boolean isSo, String otherwise) throws IOException {
        if (!isSo) {
            throw new IOException(otherwise);
        }
    }

    /** Says that it leaves, if the server is there to hear it. */
    @Override
    public void close() throws IOException {
        try (channel) {
            request(DISCONNECT, 0, 0, 0);
        } catch (IOException e) {
            return;
        }
    }
}
