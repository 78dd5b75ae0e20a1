package cairn.server;

import static cairn.Fault.UNAUTHENTICATED;

import cairn.api.Messages.ExportUri;
import cairn.image.ImageId;
import cairn.image.VolumeId;
import cairn.server.account.Access;
import cairn.server.account.Access.Right;
import cairn.server.account.Accounts;
import cairn.server.account.Caller;
import cairn.server.account.Tickets;
import cairn.server.image.Disk;
import cairn.server.image.ImageRegistry;
import cairn.server.image.RegisteredVolume;
import cairn.server.image.VolumeRegistry;
import cairn.server.nbd.Exports;
import cairn.server.storage.OpenTrees;
import cairn.server.volume.BootedImage;
import cairn.server.volume.Volume;
import cairn.server.volume.Volumes;
import cairn.StoreException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.List;
import java.util.Optional;

/** Images, snapshots and volumes as NBD exports, and the URIs by which they are opened. */
final class StoreExports implements Exports {
    /** How long a ticket is good for. */
    static final Duration TICKET_LIFETIME = Duration.ofDays(7);
    /** Most images, and most volumes, that one list holds. */
    private static final int LISTED_MAX = 1000;

    private final ImageRegistry images;
    private final VolumeRegistry registry;
    private final Accounts accounts;
    private final Volumes volumes;
    private final Tickets tickets;
    private final Clock clock;
    private final Executor catalog;
    private final Executor openers;

    /**
     * @param catalog runs what reads the catalog
     * @param openers run what opens and removes volumes, which may wait for what others do with the same one
     */
    StoreExports(
            ImageRegistry images,
            VolumeRegistry registry,
            Accounts accounts,
            Volumes volumes,
            Tickets tickets,
            Clock clock,
            Executor catalog,
            Executor openers) {
        this.images = images;
        this.registry = registry;
        this.accounts = accounts;
        this.volumes = volumes;
        this.tickets = tickets;
        this.clock = clock;
        this.catalog = catalog;
        this.openers = openers;
    }

    @Override
    public CompletableFuture<List<String>> list(Peer peer) {
        if (peer == Peer.REMOTE) {
            return CompletableFuture.completedFuture(List.of());
        }
        return CompletableFuture.supplyAsync(this::listNow, catalog);
    }

    /** Ephemeral volumes are left out: a tool that opens all that it is told of would be their last client. */
    private List<String> listNow() {
        List<String> names = new ArrayList<>();
        images.list(accounts.root(), "", LISTED_MAX).forEach(image -> names.add(image.id().value()));
        registry.firstKept(LISTED_MAX).forEach(volume -> names.add(volume.value()));
        return names;
    }

    @Override
    public CompletableFuture<Export> open(String exportName, Peer peer) {
        return CompletableFuture.supplyAsync(
                () -> openNow(exportName, peer), exportName.startsWith(VolumeId.PREFIX) ? openers : catalog);
    }

    private Export openNow(String exportName, Peer peer) {
        int colon = exportName.indexOf(':');
        String id = colon < 0 ? exportName : exportName.substring(0, colon);
        Caller caller = accounts.root();
        if (peer == Peer.REMOTE) {
            if (colon < 0) {
                throw new StoreException(
                        UNAUTHENTICATED, "over TCP an export is named ID:TICKET, as `cairn uri ID` prints it");
            }
            caller = accounts.anywhere(tickets.require(id, exportName.substring(colon + 1)));
        }
        if (id.startsWith(VolumeId.PREFIX)) {
            return new Export(id, "", connect(caller, new VolumeId(id)));
        }
        Caller reader = caller;
        return volumes.opening(
                () -> images.disk(reader, Right.READ, id),
                disk -> new OpenTrees.Tree(disk.domain(), disk.root()),
                disk -> new Export(id, "", open(reader, id, disk)));
    }

    private Volume open(Caller caller, String id, Disk disk) {
        if (!id.startsWith(ImageId.PREFIX)) {
            return volumes.open(disk.domain(), disk.root());
        }
        BootedImage booted =
                images.booted(new ImageId(id), image -> Access.may(caller, Right.MANAGE, image));
        return volumes.open(disk.domain(), disk.root(), booted);
    }

    private Volume connect(Caller caller, VolumeId id) {
        RegisteredVolume registered = registry.read(caller, Right.READ, id);
        Volume volume = registry.connect(registered);
        return registered.isEphemeral()
                ? new EphemeralVolume(
                        volume,
                        () -> afterClose(() -> registry.left(id)),
                        () -> afterClose(() -> registry.removeIfLeft(id)))
                : volume;
    }

    /** Called on an event loop. */
    private void afterClose(Runnable removal) {
        try {
            openers.execute(removal);
        } catch (RejectedExecutionException e) {
            // The server is going down; the next one removes the volume.
        }
    }

    /**
     * How somebody opens an export from now on.
     *
     * @param caller who may read it now; the ticket is good for as long as this is so
     * @param host by which the asker has reached this server
     */
    ExportUri uri(Caller caller, String id, String host, InetSocketAddress tcp, Optional<Path> socket) {
        Instant until = clock.instant().plus(TICKET_LIFETIME).truncatedTo(ChronoUnit.SECONDS);
        return new ExportUri(
                id,
                (tcp.getAddress().isAnyLocalAddress() ? tcpUri(host, tcp.getPort()) : tcpUri(tcp))
                        + '/' + id + ':' + tickets.issue(caller.account(), id, until),
                socket.map(path -> "nbd+unix:///" + id + "?socket=" + escaped(path)).orElse(null),
                until.toString());
    }

    /** Listening on every address, the server takes the one by which it was reached for the one to give. */
    private static String tcpUri(String host, int port) {
        return "nbd://" + host.replaceFirst(":\\d*$", "") + ':' + port;
    }

    static String tcpUri(InetSocketAddress tcp) {
        return "nbd://" + hostAndPort(tcp);
    }

    /** With the brackets that an IPv6 address needs in a URI. */
    static String hostAndPort(InetSocketAddress address) {
        String host = address.getAddress().getHostAddress();
        return (host.indexOf(':') < 0 ? host : '[' + host.replaceFirst("%.*", "") + ']') + ':' + address.getPort();
    }

    /** A path as a URI's query may hold it. */
    private static String escaped(Path path) {
        List<String> parts = new ArrayList<>();
        for (byte b : path.toAbsolutePath().toString().getBytes(StandardCharsets.UTF_8)) {
            char c = (char) (b & 0xff);
            boolean isPlain = c < 0x80 && (Character.isLetterOrDigit(c) || "/._-~".indexOf(c) >= 0);
            parts.add(isPlain ? String.valueOf(c) : String.format("%%%02X", (int) c));
        }
        return String.join("", parts);
    }
}
