package cairn.client;

import static java.nio.charset.StandardCharsets.UTF_8;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.URI;
import java.net.URLDecoder;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.util.Arrays;

/**
 * Reads an export over NBD, from its first byte to its last or range by range: fixed newstyle, NBD_OPT_GO, simple
 * replies, which may come in any order. For one thread.
 *
 * @see <a href="https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md">The protocol</a>
 */
public final class NbdReader implements AutoCloseable {
    private static final int DEFAULT_PORT = 10809;
    private static final int PIECE_BYTES = 1 << 20;
    private static final int IN_FLIGHT_MAX = 8;

    private static final long SERVER_MAGIC = 0x4e42444d41474943L;
    private static final long OPTION_MAGIC = 0x49484156454f5054L;
    private static final long OPTION_REPLY_MAGIC = 0x0003e889045565a9L;
    private static final int REQUEST_MAGIC = 0x25609513;
    private static final int REPLY_MAGIC = 0x67446698;
    private static final int FIXED_NEWSTYLE_AND_NO_ZEROES = 3;
    private static final int OPT_GO = 7;
    private static final int REP_ACK = 1;
    private static final int REP_INFO = 3;
    private static final int REP_ERROR_BIT = 1 << 31;
    private static final int INFO_EXPORT = 0;
    private static final int CMD_READ = 0;
    private static final int CMD_DISC = 2;
    private static final int REPLY_HEAD_BYTES = 16;
    private static final long RANGE_COOKIE = 1;
    private static final int EXPORT_NAME_BYTES_MAX = 4096;
    private static final int OPTION_REPLY_BYTES_MAX = 64 * 1024;

    private final URI uri;
    private final Duration idleMax;
    private final SocketChannel channel;
    private final Selector selector;
    private long sizeBytes;
    private int transmissionFlags;
    private ByteBuffer range;

    /** Takes the bytes of a disk in order. */
    @FunctionalInterface
    public interface Sink {
        /** @param bytes is used again once this returns */
        void accept(long offset, byte[] bytes, int lengthBytes);
    }

    private NbdReader(URI uri, Duration idleMax, SocketChannel channel, Selector selector) {
        this.uri = uri;
        this.idleMax = idleMax;
        this.channel = channel;
        this.selector = selector;
    }

    public static NbdReader connect(URI uri) {
        return connect(uri, Duration.ofSeconds(30));
    }

    /**
     * Opens an export.
     *
     * @param uri {@code nbd://HOST[:PORT]/EXPORT} or {@code nbd+unix:///EXPORT?socket=PATH}
     * @param idleMax how long the server may be silent
     * @throws StoreException INVALID_REQUEST for another URI, NOT_FOUND or FORBIDDEN if the server says so,
     *     UNAVAILABLE if there is none, or no NBD server
     */
    public static NbdReader connect(URI uri, Duration idleMax) {
        SocketAddress address = addressOf(uri);
        String exportName = exportNameOf(uri);
        SocketChannel channel = null;
        Selector selector = null;
        try {
            channel = address instanceof InetSocketAddress
                    ? SocketChannel.open()
                    : SocketChannel.open(StandardProtocolFamily.UNIX);
            channel.connect(address);
            if (address instanceof InetSocketAddress) {
                channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            }
            channel.configureBlocking(false);
            selector = Selector.open();
            channel.register(selector, SelectionKey.OP_READ);
            NbdReader reader = new NbdReader(uri, idleMax, channel, selector);
            reader.negotiate(exportName);
            return reader;
        } catch (IOException | UnresolvedAddressException e) {
            closeQuietly(channel, selector);
            throw new StoreException(
                    Fault.UNAVAILABLE,
                    "no NBD server answers at " + Text.shown(uri.toString()) + ": " + e.getMessage(), e);
        } catch (RuntimeException e) {
            closeQuietly(channel, selector);
            throw e;
        }
    }

    private static SocketAddress addressOf(URI uri) {
        if ("nbd".equals(uri.getScheme()) && uri.getHost() != null) {
            String host = uri.getHost().replaceAll("[\\[\\]]", "");
            return new InetSocketAddress(host, uri.getPort() < 0 ? DEFAULT_PORT : uri.getPort());
        }
        if ("nbd+unix".equals(uri.getScheme()) && uri.getRawQuery() != null) {
            for (String parameter : uri.getRawQuery().split("&")) {
                if (parameter.startsWith("socket=")) {
                    return UnixDomainSocketAddress.of(
                            URLDecoder.decode(parameter.substring(7).replace("+", "%2B"), UTF_8));
                }
            }
        }
        throw new StoreException(
                Fault.INVALID_REQUEST, "\"" + Text.shown(uri.toString())
                        + "\" is no NBD URI (expecting nbd://HOST:PORT/EXPORT or nbd+unix:///EXPORT?socket=PATH)");
    }

    private static String exportNameOf(URI uri) {
        String path = uri.getPath() == null ? "" : uri.getPath();
        String name = path.startsWith("/") ? path.substring(1) : path;
        if (name.getBytes(UTF_8).length > EXPORT_NAME_BYTES_MAX) {
            throw new StoreException(
                    Fault.INVALID_REQUEST, "an export's name has at most " + EXPORT_NAME_BYTES_MAX + " bytes");
        }
        return name;
    }

    private void negotiate(String exportName) {
        ByteBuffer hello = read(18);
        if (hello.getLong() != SERVER_MAGIC || hello.getLong() != OPTION_MAGIC || (hello.getShort() & 1) == 0) {
            throw unexpected("its greeting is not that of a fixed newstyle server");
        }
        byte[] name = exportName.getBytes(UTF_8);
        int optionBytes = 4 + name.length + 2;
        ByteBuffer go = ByteBuffer.allocate(4 + 16 + optionBytes)
                .putInt(FIXED_NEWSTYLE_AND_NO_ZEROES)
                .putLong(OPTION_MAGIC)
                .putInt(OPT_GO)
                .putInt(optionBytes)
                .putInt(name.length)
                .put(name)
                .putShort((short) 0);
        write(go.flip());
        boolean hasSize = false;
        while (true) {
            ByteBuffer head = read(20);
            if (head.getLong() != OPTION_REPLY_MAGIC || head.getInt() != OPT_GO) {
                throw unexpected("its answer to NBD_OPT_GO is malformed");
            }
            int type = head.getInt();
            int lengthBytes = head.getInt();
            if (lengthBytes < 0 || lengthBytes > OPTION_REPLY_BYTES_MAX) {
                throw unexpected("its answer to NBD_OPT_GO has " + Integer.toUnsignedString(lengthBytes) + " bytes");
            }
            ByteBuffer reply = read(lengthBytes);
            if (type == REP_ACK && hasSize) {
                return;
            } else if (type == REP_INFO && lengthBytes >= 12 && reply.getShort(0) == INFO_EXPORT) {
                sizeBytes = reply.getLong(2);
                transmissionFlags = reply.getShort(10) & 0xffff;
                hasSize = sizeBytes >= 0;
            } else if ((type & REP_ERROR_BIT) != 0) {
                throw refused(type & ~REP_ERROR_BIT, UTF_8.decode(reply).toString());
            } else if (type != REP_INFO) {
                throw unexpected("its answer to NBD_OPT_GO is of type " + type);
            }
        }
    }

    private StoreException refused(int error, String message) {
        String said = message.isEmpty() ? "error " + error : Text.shown(message);
        Fault fault = switch (error) {
            case 2 -> Fault.FORBIDDEN;
            case 6 -> Fault.NOT_FOUND;
            case 7 -> Fault.SHUTTING_DOWN;
            default -> Fault.INVALID_REQUEST;
        };
        return new StoreException(fault, "the NBD server refuses " + Text.shown(uri.toString()) + ": " + said);
    }

    public long sizeBytes() {
        return sizeBytes;
    }

    public boolean isReadOnly() {
        return (transmissionFlags & 2) != 0;
    }

    /** Reads all of the disk. @throws StoreException CORRUPT if the server answers a read with an error */
    public void readAll(Sink sink) {
        long pieces = sizeBytes / PIECE_BYTES + (sizeBytes % PIECE_BYTES == 0 ? 0 : 1);
        byte[][] buffers = new byte[(int) Math.min(IN_FLIGHT_MAX, pieces)][PIECE_BYTES];
        boolean[] isThere = new boolean[buffers.length];
        long asked = 0;
        long given = 0;
        while (given < pieces) {
            while (asked < pieces && asked - given < buffers.length) {
                ask(asked++);
            }
            long piece = readReply(given, asked, isThere, buffers);
            isThere[(int) (piece % buffers.length)] = true;
            while (given < asked && isThere[(int) (given % buffers.length)]) {
                int slot = (int) (given % buffers.length);
                sink.accept(given * PIECE_BYTES, buffers[slot], lengthOf(given));
                isThere[slot] = false;
                given++;
            }
        }
    }

    /**
     * Reads one range, with nothing else in flight.
     *
     * @return its bytes; used again by the next read
     * @throws StoreException CORRUPT if the server answers with an error
     */
    public ByteBuffer read(long offset, int lengthBytes) {
        if (range == null || range.capacity() < lengthBytes) {
            range = ByteBuffer.allocateDirect(lengthBytes);
        }
        write(request(CMD_READ, RANGE_COOKIE, offset, lengthBytes));
        ByteBuffer head = read(REPLY_HEAD_BYTES);
        int magic = head.getInt();
        int error = head.getInt();
        if (magic != REPLY_MAGIC || head.getLong() != RANGE_COOKIE) {
            throw unexpected("it answers what was not asked");
        }
        requireNoError(error, offset, lengthBytes);
        fill(range.clear().limit(lengthBytes));
        return range.flip();
    }

    private void requireNoError(int error, long offset, int lengthBytes) {
        if (error != 0) {
            throw new StoreException(
                    Fault.CORRUPT,
                    "the NBD server answers the read of " + lengthBytes + " bytes at offset " + offset + " of "
                            + Text.shown(uri.toString()) + " with error " + error);
        }
    }

    private int lengthOf(long piece) {
        return (int) Math.min(PIECE_BYTES, sizeBytes - piece * PIECE_BYTES);
    }

    private void ask(long piece) {
        write(request(CMD_READ, piece, piece * PIECE_BYTES, lengthOf(piece)));
    }

    private static ByteBuffer request(int command, long cookie, long offset, int lengthBytes) {
        return ByteBuffer.allocate(28)
                .putInt(REQUEST_MAGIC)
                .putShort((short) 0)
                .putShort((short) command)
                .putLong(cookie)
                .putLong(offset)
                .putInt(lengthBytes)
                .flip();
    }

    private long readReply(long firstPiece, long endPiece, boolean[] isThere, byte[][] buffers) {
        ByteBuffer head = read(REPLY_HEAD_BYTES);
        int magic = head.getInt();
        int error = head.getInt();
        long piece = head.getLong();
        if (magic != REPLY_MAGIC || piece < firstPiece || piece >= endPiece
                || isThere[(int) (piece % buffers.length)]) {
            throw unexpected("it answers what was not asked");
        }
        requireNoError(error, piece * PIECE_BYTES, lengthOf(piece));
        fill(ByteBuffer.wrap(buffers[(int) (piece % buffers.length)], 0, lengthOf(piece)));
        return piece;
    }

    private ByteBuffer read(int lengthBytes) {
        ByteBuffer bytes = ByteBuffer.allocate(lengthBytes);
        fill(bytes);
        return bytes.flip();
    }

    private void fill(ByteBuffer to) {
        try {
            while (to.hasRemaining()) {
                int readBytes = channel.read(to);
                if (readBytes < 0) {
                    throw unexpected("it closed the connection");
                }
                if (readBytes == 0) {
                    await(SelectionKey.OP_READ);
                }
            }
        } catch (IOException e) {
            throw broken(e);
        }
    }

    private void write(ByteBuffer bytes) {
        try {
            while (bytes.hasRemaining()) {
                if (channel.write(bytes) == 0) {
                    await(SelectionKey.OP_WRITE);
                }
            }
        } catch (IOException e) {
            throw broken(e);
        }
    }

    private void await(int operation) throws IOException {
        channel.keyFor(selector).interestOps(operation);
        if (selector.select(idleMax.toMillis()) == 0) {
            String reason = Thread.currentThread().isInterrupted()
                    ? "interrupted"
                    : "it has been silent for " + idleMax.toSeconds() + " s";
            throw unexpected(reason);
        }
        selector.selectedKeys().clear();
    }

    private StoreException broken(IOException e) {
        return new StoreException(
                Fault.UNAVAILABLE,
                "the connection to " + Text.shown(uri.toString()) + " broke: " + Text.shown(String.valueOf(e.getMessage())),
                e);
    }

    private StoreException unexpected(String what) {
        return new StoreException(Fault.UNAVAILABLE, "the NBD server at " + Text.shown(uri.toString()) + ": " + what);
    }

    /**
     * Hands over the connection, which does not block and has nothing in flight, to somebody who asks on many at once;
     * this reader is then of no use.
     */
    public SocketChannel release() {
        closeQuietly(selector);
        return channel;
    }

    /** Says goodbye, so that the server does not take it for a broken connection. */
    @Override
    public void close() {
        try {
            channel.write(request(CMD_DISC, 0, 0, 0));
        } catch (IOException e) {
            // The connection is being given up anyway.
        }
        closeQuietly(channel, selector);
    }

    private static void closeQuietly(AutoCloseable... resources) {
        for (AutoCloseable resource : Arrays.asList(resources)) {
            try {
                if (resource != null) {
                    resource.close();
                }
            } catch (Exception e) {
                // Nothing that could be done about it.
            }
        }
    }
}
