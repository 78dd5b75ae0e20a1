package cairn.server.instance;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * The line to a QEMU that runs apart from us: it takes orders there, and the line breaks when QEMU ends. Orders are
 * sent and not waited for; what QEMU answers is read and passed over.
 *
 * @see <a href="https://www.qemu.org/docs/master/interop/qmp-spec.html">QEMU Machine Protocol</a>
 */
final class QemuMonitor implements AutoCloseable {
    private static final int BUFFER_BYTES = 4096;

    private final SocketChannel channel;
    private volatile boolean isClosed;

    private QemuMonitor(SocketChannel channel) {
        this.channel = channel;
    }

    /**
     * @param onEnd called on a thread of its own when the other side has gone, but not after {@link #close}
     * @throws IOException if nobody listens there
     */
    static QemuMonitor open(Path socket, Runnable onEnd) throws IOException {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            channel.connect(UnixDomainSocketAddress.of(socket));
            QemuMonitor monitor = new QemuMonitor(channel);
            monitor.order("qmp_capabilities");
            Thread reader = new Thread(() -> monitor.readToEnd(onEnd), "qemu " + socket.getParent().getFileName());
            reader.setDaemon(true);
            reader.start();
            return monitor;
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    private void readToEnd(Runnable onEnd) {
        ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);
        try (channel) {
            while (channel.read(buffer) >= 0) {
                buffer.clear();
            }
        } catch (IOException e) {
            // Broken off, which is an end too.
        }
        if (!isClosed) {
            onEnd.run();
        }
    }

    /** As if somebody pressed the machine's power button. */
    void powerDown() {
        orderIfThere("system_powerdown");
    }

    /** Ends QEMU, whatever the machine does. */
    void quit() {
        orderIfThere("quit");
    }

    private void orderIfThere(String command) {
        try {
            order(command);
        } catch (IOException e) {
            // It has ended, which the reader finds too.
        }
    }

    private synchronized void order(String command) throws IOException {
        ByteBuffer line = ByteBuffer.wrap(("{\"execute\":\"" + command + "\"}\n").getBytes(StandardCharsets.US_ASCII));
        while (line.hasRemaining()) {
            channel.write(line);
        }
    }

    @Override
    public void close() throws IOException {
        isClosed = true;
        channel.close();
    }
}
