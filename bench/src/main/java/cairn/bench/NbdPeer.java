package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Another program's NBD server on one disk, over a unix socket or TCP; ends with {@link #close}. */
final class NbdPeer implements Subject.Open {
    private static final long READY_SECONDS_MAX = 10;
    private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private final Process process;
    private final String uri;
    /** It is not to stay when this program is interrupted. */
    private final Thread ending;

    private NbdPeer(Process process, String uri) {
        this.process = process;
        this.uri = uri;
        this.ending = new Thread(process::destroy);
        Runtime.getRuntime().addShutdownHook(ending);
    }

    @Override
    public String uri() {
        return uri;
    }

    @Override
    public long pid() {
        return process.pid();
    }

    /** nbdkit's file plugin on a raw disk. */
    static NbdPeer nbdkit(Path disk, boolean isTcp, boolean isWriting, Path folder) {
        List<String> command = new ArrayList<>(List.of("nbdkit", "--foreground", "--exit-with-parent"));
        if (!isWriting) {
            command.add("--readonly");
        }
        return isTcp
                ? tcp(command, port -> List.of("-i", "127.0.0.1", "-p", "" + port, "file", disk.toString()))
                : unix(command, folder, socket -> List.of("-U", socket.toString(), "file", disk.toString()));
    }

    /**
     * qemu-nbd, as it comes, but that it stays when a client leaves, and takes any number of them.
     *
     * @param format raw or qcow2
     */
    static NbdPeer qemuNbd(Path disk, String format, boolean isTcp, boolean isWriting, Path folder) {
        List<String> command = new ArrayList<>(List.of("qemu-nbd", "--persistent", "--shared=0", "-f", format));
        if (isWriting) {
            command.add("--discard=unmap");
        } else {
            command.add("--read-only");
        }
        return isTcp
                ? tcp(command, port -> List.of("-b", "127.0.0.1", "-p", "" + port, disk.toString()))
                : unix(command, folder, socket -> List.of("-k", socket.toString(), disk.toString()));
    }

    private interface Tcp {
        List<String> options(int port);
    }

    private interface Unix {
        List<String> options(Path socket);
    }

    private static NbdPeer tcp(List<String> command, Tcp listening) {
        int port = freePort();
        command.addAll(listening.options(port));
        return start(command, "nbd://127.0.0.1:" + port, () -> {
            new Socket(InetAddress.getLoopbackAddress(), port).close();
        });
    }

    private static NbdPeer unix(List<String> command, Path folder, Unix listening) {
        Path socket = folder.resolve("peer-" + System.nanoTime() + ".sock");
        command.addAll(listening.options(socket));
        return start(command, "nbd+unix:///?socket=" + socket, () -> {
            try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
                channel.connect(UnixDomainSocketAddress.of(socket));
            }
        });
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket()) {
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new StoreException(Fault.UNAVAILABLE, "no port is free: " + e.getMessage(), e);
        }
    }

    private interface Knock {
        void connect() throws IOException;
    }

    private static NbdPeer start(List<String> command, String uri, Knock knock) {
        Process process;
        try {
            process = new ProcessBuilder(command)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
        } catch (IOException e) {
            throw new StoreException(Fault.UNAVAILABLE, "cannot run " + command.get(0) + ": " + e.getMessage(), e);
        }
        NbdPeer peer;
        try {
            peer = new NbdPeer(process, uri);
        } catch (IllegalStateException e) {
            // This program is being ended, and nobody else would end that one.
            process.destroy();
            throw new StoreException(Fault.SHUTTING_DOWN, "interrupted", e);
        }
        long giveUpAt = System.nanoTime() + TimeUnit.SECONDS.toNanos(READY_SECONDS_MAX);
        while (true) {
            try {
                knock.connect();
                return peer;
            } catch (IOException e) {
                if (!process.isAlive() || System.nanoTime() > giveUpAt) {
                    peer.close();
                    throw new StoreException(Fault.UNAVAILABLE, command.get(0) + " does not listen", e);
                }
                LockSupport.parkNanos(LOOK_AGAIN_NANOS);
            }
        }
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(READY_SECONDS_MAX, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
        try {
            Runtime.getRuntime().removeShutdownHook(ending);
        } catch (IllegalStateException e) {
            // The hook is at work already; it finds nothing left to do.
        }
    }
}
