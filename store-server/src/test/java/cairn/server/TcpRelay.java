package cairn.server;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.LongAdder;

/**
 * A wire between clients and a server that goes dead after so many bytes: a test can then kill one of them at an exact
 * moment of a transfer, however quick the machine is.
 */
final class TcpRelay implements AutoCloseable {
    private final InetSocketAddress server;
    private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private final CompletableFuture<Void> dead = new CompletableFuture<>();
    private final LongAdder passedBytes = new LongAdder();
    /** What clients may still send. Guarded by {@code this}. */
    private long leftBytes;

    /** @param bytesMax from all clients to the server; whatever comes behind is held back */
    TcpRelay(InetSocketAddress server, long bytesMax) throws IOException {
        this.server = server;
        this.leftBytes = bytesMax;
        start(this::accept);
    }

    URI http() {
        return URI.create("http://127.0.0.1:" + listener.getLocalPort());
    }

    /** Completes when the last byte that may pass has been handed to the server, and there are more. */
    CompletableFuture<Void> dead() {
        return dead;
    }

    /** How much has passed so far, both ways: before an answer reaches a client, it and what it answers are counted. */
    long passedBytes() {
        return passedBytes.sum();
    }

    private void accept() throws IOException {
        while (true) {
            Socket client = listener.accept();
            Socket upstream = new Socket();
            sockets.add(client);
            sockets.add(upstream);
            upstream.connect(server);
            start(() -> pass(client, upstream, true));
            start(() -> pass(upstream, client, false));
        }
    }

    private void pass(Socket from, Socket to, boolean isCounted) throws IOException {
        byte[] buffer = new byte[64 << 10];
        try (from; to) {
            for (int n = from.getInputStream().read(buffer); n >= 0; n = from.getInputStream().read(buffer)) {
                int passed = isCounted ? take(n) : n;
                passedBytes.add(passed);
                to.getOutputStream().write(buffer, 0, passed);
                if (passed < n) {
                    dead.complete(null);
                    // Until somebody hangs up, so that neither side sees the other go.
                    while (from.getInputStream().read(buffer) >= 0) {
                        // Lost.
                    }
                }
            }
        }
    }

    private synchronized int take(int bytes) {
        int taken = (int) Math.min(bytes, leftBytes);
        leftBytes -= taken;
        return taken;
    }

    /** A connection that ends, or the end of the test, is no failure of the wire. */
    private interface Work {
        void run() throws IOException;
    }

    private static void start(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException e) {
                // Either side has hung up.
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() throws IOException {
        listener.close();
        for (Socket socket : sockets) {
            socket.close();
        }
    }
}
