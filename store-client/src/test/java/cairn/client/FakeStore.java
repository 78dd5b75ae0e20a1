package cairn.client;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.CORRUPT;
import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.NOT_FOUND;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.api.Api;
import cairn.api.ItemBatch;
import cairn.api.Json;
import cairn.api.Known;
import cairn.api.Messages;
import cairn.api.Missing;
import cairn.api.UsageMessages;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.chunk.Codec;
import cairn.image.AccountId;
import cairn.image.Architecture;
import cairn.image.BootMode;
import cairn.image.ImageId;
import cairn.image.ImageManifest;
import cairn.image.ImageManifest.BlockDevice;
import cairn.image.ImageName;
import cairn.image.Region;
import cairn.image.SignedManifest;
import cairn.image.SnapshotId;
import cairn.image.StoreKey;
import cairn.image.VolumeId;
import cairn.sigv4.Credentials;
import cairn.sigv4.PayloadHash;
import cairn.sigv4.SigV4Exception;
import cairn.sigv4.SigV4Verifier;
import cairn.sigv4.SignableRequest;
import cairn.sigv4.SignableRequest.Header;
import cairn.tree.Page;
import cairn.tree.PageId;
import cairn.tree.Tree;
import cairn.tree.TreeDiff;
import cairn.tree.TreeRoot;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.BitSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/** The API's meaning in memory, behind a real HTTP server: what a store must do, without keeping anything. */
public final class FakeStore implements AutoCloseable {
    public static final Credentials KEY = new Credentials("AKFAKE", "secret-of-the-fake");

    private static final AccountId OWNER = new AccountId("000000000001");

    /** Called before a request is answered; may throw, or close the exchange without an answer. */
    @FunctionalInterface
    public interface Trouble {
        /** @return whether the request was dealt with */
        boolean on(HttpExchange exchange, int requestNumber) throws IOException;
    }

    /** An image as the store has it. */
    private record Kept(Messages.Image image, SignedManifest signed, TreeRoot root) {}

    public final LongAdder chunksReceived = new LongAdder();
    public final LongAdder bytesReceived = new LongAdder();
    public final AtomicInteger requests = new AtomicInteger();
    /** Questions with whole pages, and with the ids of pages. */
    public final LongAdder asks = new LongAdder();
    public final LongAdder knownAsks = new LongAdder();
    /** Whether the store has never heard of questions by ids. */
    public volatile boolean isOlderThanKnown;
    /** For which the last request was signed. */
    public volatile String lastRegion = "";
    public volatile Trouble trouble = (exchange, number) -> false;

    /** The states of a volume's snapshot, from its beginning on, one each time that somebody asks. */
    public volatile List<String> steps =
            List.of(Messages.Snapshot.PENDING, Messages.Snapshot.PENDING, Messages.Snapshot.COMPLETED);

    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final SigV4Verifier verifier = new SigV4Verifier(
            id -> Optional.of(KEY).filter(key -> key.accessKeyId().equals(id)),
            Clock.systemUTC(),
            Set.of(Api.SERVICE));
    private final StoreKey storeKey = new StoreKey(new byte[StoreKey.SECRET_BYTES]);
    private final Map<ChunkId, byte[]> chunks = new ConcurrentHashMap<>();
    private final Map<PageId, Page> pages = new ConcurrentHashMap<>();
    private final Map<String, Long> uploads = new ConcurrentHashMap<>();
    private final Map<String, Kept> images = new ConcurrentSkipListMap<>();
    private final Map<String, Messages.Volume> volumes = new ConcurrentSkipListMap<>();
    private final Map<String, Making> making = new ConcurrentSkipListMap<>();
    private final Map<String, Messages.Key> keys = new ConcurrentSkipListMap<>();

    private FakeStore(HttpServer server) {
        this.server = server;
    }

    public static FakeStore start() throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        FakeStore store = new FakeStore(server);
        server.createContext("/", store::answer);
        server.setExecutor(store.threads);
        server.start();
        return store;
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }

    public URI endpoint() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    public StoreClient client() {
        return new StoreClient(endpoint(), KEY);
    }

    /** Loses a chunk, as a store does that finds it damaged. */
    public void lose(ChunkId id) {
        chunks.remove(id);
    }

    public Set<ChunkId> chunkIds() {
        return Set.copyOf(chunks.keySet());
    }

    /** Keeps other bytes under a chunk's id. */
    public void damage(ChunkId id) {
        byte[] other = new byte[Chunk.SIZE_BYTES];
        new Random(1).nextBytes(other);
        chunks.put(id, packed(other));
    }

    public void forget(ChunkId id) {
        chunks.remove(id);
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            byte[] body = exchange.getRequestBody().readAllBytes();
            if (trouble.on(exchange, requests.incrementAndGet())) {
                return;
            }
            byte[] reply;
            int status = 200;
            try {
                authenticate(exchange, body);
                String path = exchange.getRequestURI().getPath().substring(Api.PREFIX.length());
                reply = route(exchange.getRequestMethod(), path.split("/"), query(exchange.getRequestURI()), body);
            } catch (SigV4Exception e) {
                status = 401;
                reply = Json.encode(new Messages.Failure(e.fault(), e.getMessage()));
            } catch (StoreException e) {
                status = 400;
                reply = Json.encode(new Messages.Failure(e.fault(), e.getMessage()));
            } catch (RuntimeException e) {
                status = 500;
                reply = Json.encode(new Messages.Failure(Fault.INTERNAL, e.toString()));
            }
            exchange.sendResponseHeaders(reply.length == 0 ? 204 : status, reply.length == 0 ? -1 : reply.length);
            exchange.getResponseBody().write(reply);
        }
    }

    private void authenticate(HttpExchange exchange, byte[] body) {
        List<Header> headers = new ArrayList<>();
        exchange.getRequestHeaders().forEach((name, values) -> values.forEach(value -> headers.add(new Header(name, value))));
        boolean isUnsigned =
                PayloadHash.UNSIGNED.equals(exchange.getRequestHeaders().getFirst("X-Amz-Content-Sha256"));
        lastRegion = verifier.verify(new SignableRequest(
                exchange.getRequestMethod(),
                exchange.getRequestURI().getRawPath(),
                exchange.getRequestURI().getRawQuery(),
                headers,
                isUnsigned ? null : PayloadHash.of(body)))
                .region();
    }

    private static Map<String, String> query(URI uri) {
        Map<String, String> values = new ConcurrentHashMap<>();
        if (uri.getQuery() != null) {
            for (String pair : uri.getQuery().split("&")) {
                values.put(pair.substring(0, pair.indexOf('=')), pair.substring(pair.indexOf('=') + 1));
            }
        }
        return values;
    }

    private byte[] route(String method, String[] path, Map<String, String> query, byte[] body) {
        String what = method + ' ' + path[0] + (path.length > 2 ? ' ' + path[2] : "");
        String id = path.length > 1 ? path[1] : "";
        return switch (what) {
            case "GET store" -> Json.encode(new Messages.StoreInfo(
                    "fake", Chunk.SIZE_BYTES, Text.hex(storeKey.publicKey()), OWNER.value()));
            case "POST uploads" -> startUpload(Json.decode(body, Messages.StartUpload.class));
            case "POST uploads known" -> known(id, body);
            case "POST uploads ask" -> ask(id, body);
            case "POST uploads items" -> take(id, body);
            case "POST uploads commit" -> commit(id, Json.decode(body, Messages.CommitUpload.class));
            case "GET images" -> id.isEmpty() ? list(query.getOrDefault("after", "")) : Json.encode(shown(kept(id).image));
            case "GET images proof" -> Json.encode(new Messages.ImageProof(
                    id, Base64.getEncoder().encodeToString(kept(id).signed.encode())));
            case "PUT images sharing" -> share(id, Json.decode(body, Messages.ChangeSharing.class));
            case "PUT images tags" -> tag(id, Json.decode(body, Messages.ChangeTags.class));
            case "DELETE images" -> remove(id);
            case "GET snapshots" -> id.isEmpty()
                    ? listSnapshots(query.getOrDefault("after", ""))
                    : Json.encode(snapshot(id));
            case "DELETE snapshots" -> {
                snapshot(id);
                making.remove(id);
                yield new byte[0];
            }
            case "GET volumes" -> id.isEmpty()
                    ? listVolumes(query.getOrDefault("after", ""))
                    : Json.encode(volume(id));
            case "POST volumes" -> createVolume(Json.decode(body, Messages.CreateVolume.class));
            case "PUT volumes tags" -> tagVolume(volume(id), Json.decode(body, Messages.ChangeTags.class));
            case "DELETE volumes" -> {
                volumes.remove(volume(id).id());
                yield new byte[0];
            }
            case "POST volumes snapshots" -> {
                Messages.CreateSnapshot wanted = Json.decode(body, Messages.CreateSnapshot.class);
                yield startSnapshot(id, wanted.description(), wanted.tags(), null);
            }
            case "POST volumes images" -> startImage(id, Json.decode(body, Messages.CreateImage.class));
            case "GET disks pages" -> readPages(id, query);
            case "GET disks chunks" -> readChunks(id, query);
            case "GET diff" -> diff(query);
            case "POST exports" -> Json.encode(
                    new Messages.ExportUri(id, "nbd://127.0.0.1:1/" + id + ":T", null, "2030-01-01T00:00:00Z"));
            case "GET stats" -> Json.encode(new Messages.Stats(
                    images.size(), images.size(), volumes.size(), images.values().stream().mapToLong(k -> k.image.sizeBytes()).sum(),
                    chunks.size(), (long) chunks.size() * Chunk.SIZE_BYTES,
                    chunks.values().stream().mapToLong(packed -> packed.length).sum(), 0, 0, 0, 1L << 40, 0, null));
            case "GET usage" -> Json.encode(new UsageMessages.StoreUsage(
                    chunks.size(), (long) chunks.size() * Chunk.SIZE_BYTES,
                    chunks.values().stream().mapToLong(packed -> packed.length).sum(), 0, 0, 1, 1, 1));
            case "GET accounts" -> Json.encode(new Messages.AccountList(
                    List.of(new Messages.Account(OWNER.value(), "root", "active", "2026-01-01T00:00:00Z"))));
            case "POST accounts" -> Json.encode(new Messages.Account(
                    "000000000002", Json.decode(body, Messages.CreateAccount.class).name(), "active",
                    "2026-01-01T00:00:00Z"));
            case "GET keys" -> Json.encode(new Messages.KeyList(List.copyOf(keys.values())));
            case "POST keys" -> createKey(Json.decode(body, Messages.CreateKey.class));
            case "PUT keys" -> changeKey(id, Json.decode(body, Messages.ChangeKey.class));
            case "DELETE keys" -> {
                key(id);
                keys.remove(id);
                yield new byte[0];
            }
            default -> throw new StoreException(NOT_FOUND, "no such endpoint: " + what);
        };
    }

    private byte[] startUpload(Messages.StartUpload request) {
        Tree.requireDiskSize(request.sizeBytes());
        String id = "upload-" + (uploads.size() + 1);
        uploads.put(id, request.sizeBytes());
        return Json.encode(new Messages.Upload(id, request.sizeBytes(), "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"));
    }

    private long sizeOf(String uploadId) {
        Long sizeBytes = uploads.get(uploadId);
        if (sizeBytes == null) {
            throw new StoreException(NOT_FOUND, "there is no upload " + uploadId);
        }
        return sizeBytes;
    }

    private byte[] known(String uploadId, byte[] body) {
        sizeOf(uploadId);
        knownAsks.increment();
        if (isOlderThanKnown) {
            throw new StoreException(NOT_FOUND, "no such endpoint");
        }
        List<PageId> asked = Known.decodeQuestion(body);
        BitSet known = new BitSet();
        for (int i = 0; i < asked.size(); i++) {
            known.set(i, pages.containsKey(asked.get(i)));
        }
        return Known.encodeAnswer(known, asked.size());
    }

    private byte[] ask(String uploadId, byte[] body) {
        asks.increment();
        sizeOf(uploadId);
        List<Missing> answers = new ArrayList<>();
        for (int at = 0; at < body.length; at += Page.SIZE_BYTES) {
            byte[] bytes = new byte[Page.SIZE_BYTES];
            System.arraycopy(body, at, bytes, 0, bytes.length);
            Page page = Page.decode(bytes);
            BitSet missing = new BitSet();
            for (int slot = 0; slot < Page.CHILDREN; slot++) {
                missing.set(slot, !page.isAbsent(slot) && !chunks.containsKey(page.chunk(slot)));
            }
            answers.add(new Missing(pages.containsKey(page.id()), missing));
        }
        return Missing.encode(answers);
    }

    private byte[] take(String uploadId, byte[] body) {
        sizeOf(uploadId);
        if (body.length > Api.BATCH_BYTES_MAX) {
            throw new StoreException(Fault.TOO_LARGE, "a batch of " + body.length + " bytes");
        }
        bytesReceived.add(body.length);
        ItemBatch.Reader items = new ItemBatch.Reader(body);
        while (items.next()) {
            byte[] plain = new byte[items.isChunk() ? Chunk.SIZE_BYTES : Page.SIZE_BYTES];
            ChunkCodec.unpack(body, items.packedOffset(), items.packedBytes(), plain, 0, plain.length);
            if (items.isChunk()) {
                if (!Chunk.idOf(plain, 0).equals(items.chunkId())) {
                    throw new StoreException(INVALID_REQUEST, "a chunk under a wrong id");
                }
                chunksReceived.increment();
                chunks.put(items.chunkId(), packed(plain));
            } else {
                Page page = Page.decode(plain);
                requireChildren(page);
                pages.put(page.id(), page);
            }
        }
        return new byte[0];
    }

    private static byte[] packed(byte[] plain) {
        byte[] room = new byte[ChunkCodec.scratchBytes(plain.length)];
        int packedBytes = ChunkCodec.pack(Codec.LZ4, plain, 0, plain.length, room, 0);
        return java.util.Arrays.copyOf(room, packedBytes);
    }

    private void requireChildren(Page page) {
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            boolean isThere = page.isAbsent(slot)
                    || (page.level() == 0 ? chunks.containsKey(page.chunk(slot)) : pages.containsKey(page.page(slot)));
            if (!isThere) {
                throw new StoreException(CONFLICT, "page " + page.id() + " came before its child " + slot);
            }
        }
    }

    private synchronized byte[] commit(String uploadId, Messages.CommitUpload request) {
        TreeRoot root = TreeRoot.of(sizeOf(uploadId), Digest.parse(request.topPage()));
        if (!root.digest().toString().equals(request.rootDigest())) {
            throw new StoreException(INVALID_REQUEST, "root digest " + request.rootDigest() + " is wrong");
        }
        if (!root.top().isAbsent() && !pages.containsKey(root.top())) {
            throw new StoreException(INVALID_REQUEST, "the top page is missing");
        }
        SnapshotId snapshot = SnapshotId.random(new Random(images.size()));
        uploads.remove(uploadId);
        return Json.encode(register(request, snapshot, root));
    }

    private void requireFree(String name) {
        if (images.values().stream().anyMatch(kept -> kept.image.name().equals(name))) {
            throw new StoreException(CONFLICT, "the name \"" + name + "\" is taken");
        }
    }

    private Messages.Image register(Messages.CommitUpload request, SnapshotId snapshot, TreeRoot root) {
        requireFree(request.name());
        Instant now = Instant.now().truncatedTo(ChronoUnit.MILLIS);
        ImageManifest manifest = new ImageManifest(
                new ImageName(request.name()), request.description(), OWNER, Architecture.parse(request.architecture()),
                Optional.ofNullable(request.bootMode()).map(BootMode::parse), "/dev/sda1",
                List.of(new BlockDevice("/dev/sda1", snapshot, root.digest(), root.sizeBytes())),
                Optional.ofNullable(request.parent()).map(ImageId::new), now);
        Messages.Image image = new Messages.Image(
                manifest.id().value(), request.name(), request.description(), OWNER.value(), Region.LOCAL.name(),
                "available", request.architecture(), request.bootMode(), "/dev/sda1", request.parent(), now.toString(),
                snapshot.value(), root.sizeBytes(), root.digest().toString(), false, List.of(), request.tags(), null);
        images.put(image.id(), new Kept(image, storeKey.sign(manifest), root));
        return image;
    }

    private Kept kept(String id) {
        return images.values().stream()
                .filter(kept -> kept.image.id().equals(id) || kept.image.snapshot().equals(id))
                .findFirst()
                .orElseThrow(() -> new StoreException(NOT_FOUND, "there is no " + id));
    }

    /** Two at a time, so that clients have to go on. */
    private byte[] list(String after) {
        List<Messages.Image> page = images.values().stream()
                .map(Kept::image)
                .filter(image -> image.id().compareTo(after) > 0)
                .limit(2)
                .toList();
        return Json.encode(new Messages.ImageList(page, page.size() < 2 ? null : page.get(1).id()));
    }

    private byte[] remove(String id) {
        images.remove(kept(id).image.id());
        return new byte[0];
    }

    private byte[] share(String id, Messages.ChangeSharing change) {
        Messages.Image image = kept(id).image;
        Set<String> accounts = new TreeSet<>(image.sharedWith());
        accounts.addAll(change.add() == null ? List.of() : change.add());
        accounts.removeAll(change.remove() == null ? List.of() : change.remove());
        boolean isPublic = change.isPublic() == null ? image.isPublic() : change.isPublic();
        return keep(id, with(image, isPublic, List.copyOf(accounts), image.tags(), null));
    }

    private byte[] tag(String id, Messages.ChangeTags change) {
        Messages.Image image = kept(id).image;
        return keep(id, with(image, image.isPublic(), image.sharedWith(), changed(image.tags(), change), null));
    }

    private byte[] keep(String id, Messages.Image image) {
        images.put(id, new Kept(image, kept(id).signed, kept(id).root));
        return Json.encode(image);
    }

    private static Map<String, String> changed(Map<String, String> before, Messages.ChangeTags change) {
        Map<String, String> tags = new TreeMap<>(before);
        tags.keySet().removeAll(change.remove());
        tags.putAll(change.put());
        return tags;
    }

    private byte[] tagVolume(Messages.Volume volume, Messages.ChangeTags change) {
        Messages.Volume tagged = new Messages.Volume(
                volume.id(), volume.owner(), volume.region(), volume.state(), volume.sizeBytes(), volume.image(),
                volume.snapshot(), volume.isReadOnly(), volume.isEphemeral(), volume.createdAt(), volume.clients(),
                volume.dirtyBytes(), changed(volume.tags(), change));
        volumes.put(volume.id(), tagged);
        return Json.encode(tagged);
    }

    /** With its lineage, as when it is asked for by itself. */
    private Messages.Image shown(Messages.Image image) {
        List<Messages.Ancestor> lineage = new ArrayList<>();
        for (String id = image.parent(); id != null; ) {
            Messages.Image parent = images.containsKey(id) ? images.get(id).image : null;
            lineage.add(new Messages.Ancestor(id, parent == null ? null : parent.name()));
            id = parent == null ? null : parent.parent();
        }
        return with(image, image.isPublic(), image.sharedWith(), image.tags(), lineage);
    }

    private static Messages.Image with(
            Messages.Image image,
            boolean isPublic,
            List<String> sharedWith,
            Map<String, String> tags,
            List<Messages.Ancestor> lineage) {
        return new Messages.Image(
                image.id(), image.name(), image.description(), image.owner(), image.region(), image.state(), image.architecture(),
                image.bootMode(), image.rootDevice(), image.parent(), image.createdAt(), image.snapshot(),
                image.sizeBytes(), image.rootDigest(), isPublic, sharedWith, tags, lineage);
    }

    /** One that is being made is a step further each time somebody asks. */
    private synchronized Messages.Snapshot snapshot(String id) {
        Making made = making.get(id);
        if (made == null) {
            Kept kept = kept(id);
            return new Messages.Snapshot(
                    id, OWNER.value(), Region.LOCAL.name(), Messages.Snapshot.COMPLETED,
                    kept.image.createdAt(), "", null, null,
                    kept.image.id(), kept.root.sizeBytes(), kept.root.digest().toString(),
                    kept.root.top().digest().toString(), null, null, null, false, List.of(), Map.of());
        }
        String state = steps.get(Math.min(made.asked++, steps.size() - 1));
        if (state.equals(Messages.Snapshot.COMPLETED) && made.image != null && made.imageId == null) {
            made.imageId = register(made.image, new SnapshotId(id), made.root).id();
        }
        return made.message(state);
    }

    private byte[] listSnapshots(String after) {
        List<Messages.Snapshot> page = java.util.stream.Stream.concat(
                        images.values().stream().map(kept -> kept.image.snapshot()), making.keySet().stream())
                .distinct()
                .filter(id -> id.compareTo(after) > 0)
                .sorted()
                .limit(2)
                .map(this::snapshot)
                .toList();
        return Json.encode(new Messages.SnapshotList(page, page.size() < 2 ? null : page.get(1).id()));
    }

    /** A snapshot of a volume on its way: what a test sees of it is the fake's {@link #steps}. */
    private final class Making {
        final String id;
        final Messages.Volume volume;
        final String description;
        final Map<String, String> tags;
        final Messages.CommitUpload image;
        final TreeRoot root;
        String imageId;
        int asked;

        Making(
                String id, Messages.Volume volume, String description, Map<String, String> tags,
                Messages.CommitUpload image) {
            this.id = id;
            this.volume = volume;
            this.description = description == null ? "" : description;
            this.tags = tags == null ? Map.of() : tags;
            this.image = image;
            this.root = volume.image() == null
                    ? TreeRoot.of(volume.sizeBytes(), Digest.ZERO)
                    : kept(volume.image()).root;
        }

        Messages.Snapshot message(String state) {
            boolean isPending = state.equals(Messages.Snapshot.PENDING);
            boolean isCompleted = state.equals(Messages.Snapshot.COMPLETED);
            return new Messages.Snapshot(
                    id, OWNER.value(), Region.LOCAL.name(), state, "2026-01-01T00:00:00Z", description, volume.id(), volume.snapshot(),
                    imageId, volume.sizeBytes(), isCompleted ? root.digest().toString() : null,
                    isCompleted ? root.top().digest().toString() : null, isPending ? 50 : null,
                    isPending ? 1L << 20 : null,
                    state.equals(Messages.Snapshot.ERROR) ? "the disk is full" : null, false,
                    List.of(), tags);
        }
    }

    private Messages.Volume volume(String id) {
        return Optional.ofNullable(volumes.get(id))
                .orElseThrow(() -> new StoreException(NOT_FOUND, "there is no volume " + id));
    }

    /** Two at a time, so that clients have to go on. */
    private byte[] listVolumes(String after) {
        List<Messages.Volume> page = volumes.values().stream()
                .filter(volume -> volume.id().compareTo(after) > 0)
                .limit(2)
                .toList();
        return Json.encode(new Messages.VolumeList(page, page.size() < 2 ? null : page.get(1).id()));
    }

    private byte[] createVolume(Messages.CreateVolume request) {
        Optional<Kept> source = Optional.ofNullable(request.source()).map(this::kept);
        if (source.isEmpty() && request.sizeBytes() == null) {
            throw new StoreException(INVALID_REQUEST, "a volume made from nothing needs a size");
        }
        Messages.Volume volume = new Messages.Volume(
                VolumeId.random(new Random(volumes.size())).value(), OWNER.value(), Region.LOCAL.name(),
                "available",
                request.sizeBytes() == null ? source.orElseThrow().root.sizeBytes() : request.sizeBytes(),
                source.map(kept -> kept.image.id()).orElse(null), source.map(kept -> kept.image.snapshot()).orElse(null),
                Boolean.TRUE.equals(request.isReadOnly()), Boolean.TRUE.equals(request.isEphemeral()),
                "2026-01-01T00:00:00Z", 0, 0L, request.tags() == null ? Map.of() : request.tags());
        volumes.put(volume.id(), volume);
        return Json.encode(volume);
    }

    private byte[] startSnapshot(
            String volume, String description, Map<String, String> tags, Messages.CommitUpload image) {
        Making made = new Making(
                SnapshotId.random(new Random(1000 + making.size())).value(), volume(volume), description, tags, image);
        making.put(made.id, made);
        return Json.encode(snapshot(made.id));
    }

    private byte[] startImage(String volume, Messages.CreateImage request) {
        requireFree(request.name());
        Optional<Messages.Image> parent =
                Optional.ofNullable(volume(volume).image()).map(this::kept).map(Kept::image);
        String architecture = request.architecture() == null
                ? parent.map(Messages.Image::architecture).orElse("x86_64")
                : request.architecture();
        return startSnapshot(
                volume, request.description(), null,
                new Messages.CommitUpload(
                        null, null, request.name(), request.description() == null ? "" : request.description(),
                        architecture, request.bootMode(), volume(volume).image(),
                        request.tags() == null ? Map.of() : request.tags()));
    }

    private byte[] readPages(String id, Map<String, String> query) {
        int level = Integer.parseInt(query.get("level"));
        ItemBatch.Writer batch = new ItemBatch.Writer(Api.BATCH_BYTES_MAX);
        forEach(query, index -> {
            PageId page = pageAt(kept(id).root, level, index);
            if (!page.isAbsent()) {
                batch.add(ItemBatch.CHUNK_KIND + 1 + level, page.digest(), packed(pages.get(page).toBytes()));
            }
        });
        return batch.toBytes();
    }

    private byte[] readChunks(String id, Map<String, String> query) {
        ItemBatch.Writer batch = new ItemBatch.Writer(Api.BATCH_BYTES_MAX);
        Set<ChunkId> wanted = new LinkedHashSet<>();
        forEach(query, index -> {
            PageId leaf = pageAt(kept(id).root, 0, index / Page.CHILDREN);
            if (!leaf.isAbsent() && !pages.get(leaf).isAbsent((int) (index % Page.CHILDREN))) {
                wanted.add(pages.get(leaf).chunk((int) (index % Page.CHILDREN)));
            }
        });
        for (ChunkId chunk : wanted) {
            byte[] packed = chunks.get(chunk);
            if (packed == null) {
                throw new StoreException(CORRUPT, "chunk " + chunk + " is lost");
            }
            batch.add(ItemBatch.CHUNK_KIND, chunk.digest(), packed);
        }
        return batch.toBytes();
    }

    private static void forEach(Map<String, String> query, java.util.function.LongConsumer visitor) {
        int count = Integer.parseInt(query.get("count"));
        if (count < 1 || count > Api.READ_ITEMS_MAX) {
            throw new StoreException(INVALID_REQUEST, "count is " + count);
        }
        long from = Long.parseLong(query.get("from"));
        for (long index = from; index < from + count; index++) {
            visitor.accept(index);
        }
    }

    private PageId pageAt(TreeRoot root, int level, long index) {
        PageId id = root.top();
        while (!id.isAbsent() && id.level() > level) {
            id = pages.get(id).page((int) (index >>> 8 * (id.level() - 1 - level)) % Page.CHILDREN);
        }
        return id.isAbsent() ? new PageId(level, Digest.ZERO) : id;
    }

    /** One range at a time, so that clients have to go on. */
    private byte[] diff(Map<String, String> query) {
        List<Messages.Range> ranges = new ArrayList<>();
        long offset = Long.parseLong(query.get("offset"));
        TreeDiff.visit(
                kept(query.get("first")).root, kept(query.get("second")).root, pages::get, (index, first, second) -> {
                    if (index * Chunk.SIZE_BYTES >= offset) {
                        ranges.add(new Messages.Range(index * Chunk.SIZE_BYTES, Chunk.SIZE_BYTES));
                    }
                });
        boolean isMore = ranges.size() > 1;
        return Json.encode(new Messages.Diff(
                query.get("first"), query.get("second"), isMore ? ranges.subList(0, 1) : ranges,
                isMore ? (Long) ranges.get(1).offset() : null));
    }

    private byte[] createKey(Messages.CreateKey request) {
        String account = request.account() == null ? OWNER.value() : request.account();
        Messages.Key key = new Messages.Key("AKNEW" + keys.size(), account, "active", "2026-01-01T00:00:00Z", null);
        keys.put(key.id(), key);
        return Json.encode(new Messages.Key(key.id(), account, "active", key.createdAt(), "new-secret"));
    }

    private Messages.Key key(String id) {
        return Optional.ofNullable(keys.get(id)).orElseThrow(() -> new StoreException(NOT_FOUND, "there is no key " + id));
    }

    private byte[] changeKey(String id, Messages.ChangeKey request) {
        Messages.Key old = key(id);
        keys.put(id, new Messages.Key(id, old.account(), request.state(), old.createdAt(), null));
        return Json.encode(keys.get(id));
    }
}
