package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.client.NbdReader;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.List;

/**
 * A machine of a storm, as the server sees it: one connection, on which it asks for one read after the other. It never
 * blocks, so that one thread can be many machines.
 */
final class StormMachine implements AutoCloseable {
    private static final int REQUEST_MAGIC = 0x25609513;
    private static final int REPLY_MAGIC = 0x67446698;
    private static final int REQUEST_BYTES = 28;
    private static final int REPLY_HEAD_BYTES = 16;
    private static final int LENGTH_AT = 24;
    private static final int OFFSET_AT = 16;

    private final SocketChannel channel;
    private final List<BootTrace.Read> reads;
    private final ByteBuffer request = ByteBuffer.allocateDirect(REQUEST_BYTES).putInt(0, REQUEST_MAGIC);
    private final ByteBuffer head = ByteBuffer.allocateDirect(REPLY_HEAD_BYTES);
    /** A reply comes in both, one after the other. */
    private final ByteBuffer[] reply = {head, null};

    private final double[] micros;
    private int at;
    private int missingBytes;
    private long askedAtNanos;

    /** Connects. @param reads of one boot, each of which {@code answers} can take */
    StormMachine(URI uri, List<BootTrace.Read> reads, ByteBuffer answers) {
        this.channel = NbdReader.connect(uri).release();
        this.reads = reads;
        this.reply[1] = answers;
        this.micros = new double[reads.size()];
    }

    SocketChannel channel() {
        return channel;
    }

    /** Begins another boot. */
    void restart() {
        at = 0;
    }

    /** The read that is to be asked for next. */
    BootTrace.Read next() {
        return reads.get(at);
    }

    boolean isDone() {
        return at == reads.size();
    }

    void ask() throws IOException {
        BootTrace.Read read = next();
        request.clear().putLong(OFFSET_AT, read.offset()).putInt(LENGTH_AT, read.lengthBytes());
        head.clear();
        missingBytes = read.lengthBytes();
        askedAtNanos = System.nanoTime();
        while (request.hasRemaining()) {
            // With nothing else in flight there is room for it in any socket.
            channel.write(request);
        }
    }

    /**
     * Takes what has come.
     *
     * @return whether the read is answered; then {@link #next} is the one behind it
     * @throws StoreException CORRUPT if the server answers with an error, UNAVAILABLE if it breaks off
     */
    boolean take() throws IOException {
        // Only its own answer can come, so nothing is read beyond it.
        reply[1].clear().limit(Math.min(reply[1].capacity(), missingBytes));
        int headBytes = head.remaining();
        long gotBytes = channel.read(reply);
        if (gotBytes < 0) {
            throw new StoreException(Fault.UNAVAILABLE, "the NBD server closed a connection");
        }
        missingBytes -= (int) gotBytes - (headBytes - head.remaining());
        if (!head.hasRemaining() && (head.getInt(0) != REPLY_MAGIC || head.getInt(4) != 0)) {
            throw new StoreException(
                    Fault.CORRUPT,
                    "the NBD server answers the read at offset " + next().offset() + " with error " + head.getInt(4));
        }
        if (head.hasRemaining() || missingBytes > 0) {
            return false;
        }
        micros[at++] = (System.nanoTime() - askedAtNanos) / 1e3;
        return true;
    }

    /** What each read of the boot took. */
    double[] micros() {
        return micros;
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            // It is given up anyway.
        }
    }
}
