package cairn.server.nbd;

import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.MemoryStorage;
import cairn.server.storage.TestDisk;
import cairn.server.transport.Transport;
import cairn.server.volume.Volumes;
import cairn.tree.TreeRoot;
import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;

/**
 * Prints what the event loop allocates for a read of what is cached, in bytes, from the socket to the socket. A program
 * of its own: in a process in which much else has run, Java compiles the same code so that more is allocated.
 */
final class NbdAllocation {
    private static final DomainId DOMAIN = new DomainId(1);
    private static final int DISK_BYTES = 20 << 20;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private NbdAllocation() {}

    /** @param arguments a folder, the bytes of a read, and how many are counted */
    public static void main(String[] arguments) throws IOException {
        Path socket = Path.of(arguments[0], "nbd.sock");
        int lengthBytes = Integer.parseInt(arguments[1]);
        int requests = Integer.parseInt(arguments[2]);
        MemoryStorage storage = new MemoryStorage();
        ChunkStore store = new ChunkStore(storage.segments(), storage.index());
        TreeRoot root = TestDisk.random(1, DISK_BYTES).put(store, DOMAIN);
        Volumes volumes = new Volumes(store, storage.volumeBlocks(), 64 << 20, 1 << 20);
        OneExport export = new OneExport(() -> volumes.open(DOMAIN, root));
        try (NbdServer server = NbdServer.start(export, NbdLimits.DEFAULT, Transport.best(), 1)) {
            server.listen(socket);
            try (Reader reader = new Reader(socket, lengthBytes)) {
                reader.read(Math.max(requests, 3 * DISK_BYTES / lengthBytes));
                long before = eventLoopBytes();
                reader.read(requests);
                System.out.println((eventLoopBytes() - before) / requests);
            }
        }
        volumes.close();
        storage.close();
    }

    /** What the server's event loop has allocated since it began. */
    private static long eventLoopBytes() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("nbd-"))
                .mapToLong(thread -> THREADS.getThreadAllocatedBytes(thread.getId()))
                .sum();
    }

    /** Reads one range after the other, jumping through the disk. */
    private static final class Reader implements AutoCloseable {
        private final NbdTalk.Socket talk;
        private final int lengthBytes;
        private final ByteBuffer reply;
        private long reads;

        Reader(Path socket, int lengthBytes) throws IOException {
            this.talk = new NbdTalk.Socket(SocketChannel.open(UnixDomainSocketAddress.of(socket)));
            this.lengthBytes = lengthBytes;
            this.reply = ByteBuffer.allocateDirect(
                    NbdReplyEncoder.STRUCTURED_BYTES + Long.BYTES + lengthBytes);
            talk.enter(OneExport.NAME, true);
        }

        void read(int requests) throws IOException {
            int ranges = DISK_BYTES / lengthBytes;
            for (int n = 0; n < requests; n++) {
                // By a number that has no factor in common with theirs, so that each has its turn.
                talk.send(NbdTalk.read(reads, reads++ * 7 % ranges * lengthBytes, lengthBytes));
                reply.clear();
                while (reply.hasRemaining()) {
                    require(talk.channel.read(reply) >= 0);
                }
                require(reply.getInt(16) == lengthBytes + Long.BYTES);
            }
        }

        private static void require(boolean isSo) throws IOException {
            if (!isSo) {
                throw new IOException("the server has not answered with what was asked for");
            }
        }

        @Override
        public void close() {
            talk.close();
        }
    }
}
