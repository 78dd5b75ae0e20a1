package cairn.client;

import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.UNAVAILABLE;
import static java.nio.charset.StandardCharsets.UTF_8;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.api.Api;
import cairn.api.BackupMessages;
import cairn.api.GcMessages;
import cairn.api.Json;
import cairn.api.Known;
import cairn.api.Messages;
import cairn.api.Missing;
import cairn.api.ScrubMessages;
import cairn.api.UsageMessages;
import cairn.chunk.ChunkId;
import cairn.image.AccountId;
import cairn.image.ImageId;
import cairn.image.Region;
import cairn.image.SignedManifest;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.sigv4.Credentials;
import cairn.sigv4.PayloadHash;
import cairn.sigv4.SigV4Signer;
import cairn.sigv4.SignableRequest;
import cairn.sigv4.SignableRequest.Header;
import cairn.tree.Page;
import cairn.tree.PageId;
import java.io.IOException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.UnknownHostException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.BitSet;
import java.util.List;
import java.util.regex.Pattern;

/**
 * One store, over its HTTP API: a method for each endpoint. Every request is signed. For several threads.
 *
 * <p>Every method throws {@link StoreException}: what the server says went wrong, or UNAVAILABLE where it can not be
 * reached, breaks off, or takes longer than the named limits. Nothing is tried twice here; see {@link Retry}.
 */
public final class StoreClient {
    private static final Pattern SEGMENT = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");

    private final URI endpoint;
    private final Limits limits;
    private final SigV4Signer signer;

    /**
     * How long to wait.
     *
     * @param request for a whole answer
     * @param commit for the answer to a commit, before which the server seals and syncs what was sent
     */
    public record Limits(Duration connect, Duration request, Duration commit) {
        public static Limits usual() {
            return new Limits(Duration.ofSeconds(10), Duration.ofSeconds(60), Duration.ofMinutes(15));
        }
    }

    /** In the region of those who choose none. @param endpoint {@code http://HOST:PORT} */
    public StoreClient(URI endpoint, Credentials credentials) {
        this(endpoint, credentials, Region.LOCAL, Limits.usual());
    }

    /**
     * @param region in which everything is looked for and made
     * @throws StoreException INVALID_REQUEST for anything but {@code http://HOST:PORT} or {@code https://}
     */
    public StoreClient(URI endpoint, Credentials credentials, Region region, Limits limits) {
        this.endpoint = requireEndpoint(endpoint);
        this.limits = limits;
        this.signer = new SigV4Signer(credentials, region.name(), Api.SERVICE, Clock.systemUTC());
    }

    private static URI requireEndpoint(URI endpoint) {
        boolean isHttp = "http".equalsIgnoreCase(endpoint.getScheme()) || "https".equalsIgnoreCase(endpoint.getScheme());
        boolean isBare = endpoint.getRawPath() == null || endpoint.getRawPath().matches("/?");
        if (!isHttp || endpoint.getHost() == null || !isBare || endpoint.getRawQuery() != null) {
            throw new StoreException(
                    INVALID_REQUEST,
                    "\"" + Text.shown(endpoint.toString()) + "\" is no endpoint (expecting http://HOST:PORT)");
        }
        return endpoint;
    }

    /** Where the store is. */
    public URI endpoint() {
        return endpoint;
    }

    public Messages.StoreInfo store() {
        return get("store", Messages.StoreInfo.class);
    }

    public Messages.Upload startUpload(Messages.StartUpload request) {
        return send("POST", "uploads", request, Messages.Upload.class);
    }

    /** Asks which of some pages of level 0 the store has, all below them included. May be asked again. */
    public BitSet known(String uploadId, List<PageId> leaves) {
        byte[] ids = Known.encodeQuestion(leaves);
        byte[] answer = exchange(
                new Call("POST", "uploads/" + segment(uploadId) + "/known", "").binary(ids, ids.length),
                Known.answerBytes(leaves.size()));
        return Known.decodeAnswer(answer, leaves.size());
    }

    /** Asks which of some pages of level 0, and of their chunks, the store lacks. May be asked again. */
    public List<Missing> ask(String uploadId, List<Page> leaves) {
        if (leaves.isEmpty() || leaves.size() > Api.ASK_PAGES_MAX) {
            throw new StoreException(
                    INVALID_REQUEST, "a question has 1 to " + Api.ASK_PAGES_MAX + " pages, not " + leaves.size());
        }
        byte[] pages = new byte[leaves.size() * Page.SIZE_BYTES];
        for (int i = 0; i < leaves.size(); i++) {
            leaves.get(i).write(pages, i * Page.SIZE_BYTES);
        }
        byte[] answer = exchange(
                new Call("POST", "uploads/" + segment(uploadId) + "/ask", "").binary(pages, pages.length),
                leaves.size() * Missing.SIZE_BYTES);
        List<Missing> answers = new ArrayList<>(leaves.size());
        for (int i = 0; i < leaves.size(); i++) {
            answers.add(Missing.decode(answer, i));
        }
        return answers;
    }

    /** Sends a batch of items, which stands in the array's first bytes. May be sent again. */
    public void sendItems(String uploadId, byte[] batch, int lengthBytes) {
        exchange(
                new Call("POST", "uploads/" + segment(uploadId) + "/items", "").binary(batch, lengthBytes), 0);
    }

    public Messages.Image commit(String uploadId, Messages.CommitUpload request) {
        Call call = new Call("POST", "uploads/" + segment(uploadId) + "/commit", "")
                .json(request)
                .within(limits.commit);
        return decode(call, exchange(call, Api.JSON_BYTES_MAX), Messages.Image.class);
    }

    public void abandonUpload(String uploadId) {
        delete("uploads/" + segment(uploadId));
    }

    /** @param after empty for the first images, then {@link Messages.ImageList#next} */
    public Messages.ImageList images(String after) {
        return list("images", after, Messages.ImageList.class);
    }

    public Messages.Image image(ImageId id) {
        return get("images/" + id, Messages.Image.class);
    }

    /** An image's manifest, whose signature has been checked against the key in it, and its id against its bytes. */
    public SignedManifest proof(ImageId id) {
        Messages.ImageProof proof = get("images/" + id + "/proof", Messages.ImageProof.class);
        SignedManifest signed;
        try {
            signed = SignedManifest.decode(Base64.getDecoder().decode(proof.signedManifest()));
        } catch (IllegalArgumentException e) {
            throw new StoreException(Fault.CORRUPT, "the proof of image " + id + " is not in Base64", e);
        }
        if (!signed.manifest().id().equals(id)) {
            throw new StoreException(
                    Fault.CORRUPT, "the manifest of image " + id + " is that of " + signed.manifest().id());
        }
        return signed;
    }

    /** What is known of an image's boots. */
    public Messages.BootProfile bootProfile(ImageId id) {
        return get("images/" + id + "/profile", Messages.BootProfile.class);
    }

    /** Changes whom an image is shared with. @return the image as it is then */
    public Messages.Image shareImage(ImageId id, Messages.ChangeSharing change) {
        return send("PUT", "images/" + id + "/sharing", change, Messages.Image.class);
    }

    public Messages.Image tagImage(ImageId id, Messages.ChangeTags change) {
        return send("PUT", "images/" + id + "/tags", change, Messages.Image.class);
    }

    /** Makes an image of one's own of the same content, at once. */
    public Messages.Image copyImage(ImageId id, Messages.CreateCopy request) {
        return send("POST", "images/" + id + "/copies", request, Messages.Image.class);
    }

    public void removeImage(ImageId id) {
        delete("images/" + id);
    }

    /** @param after empty for the first snapshots, then {@link Messages.SnapshotList#next} */
    public Messages.SnapshotList snapshots(String after) {
        return list("snapshots", after, Messages.SnapshotList.class);
    }

    public Messages.Snapshot snapshot(SnapshotId id) {
        return get("snapshots/" + id, Messages.Snapshot.class);
    }

    /** Changes whom a snapshot is shared with. @return the snapshot as it is then */
    public Messages.Snapshot shareSnapshot(SnapshotId id, Messages.ChangeSharing change) {
        return send("PUT", "snapshots/" + id + "/sharing", change, Messages.Snapshot.class);
    }

    public Messages.Snapshot tagSnapshot(SnapshotId id, Messages.ChangeTags change) {
        return send("PUT", "snapshots/" + id + "/tags", change, Messages.Snapshot.class);
    }

    /** Makes a snapshot of one's own of the same content, at once. */
    public Messages.Snapshot copySnapshot(SnapshotId id, Messages.CreateCopy request) {
        return send("POST", "snapshots/" + id + "/copies", request, Messages.Snapshot.class);
    }

    public void removeSnapshot(SnapshotId id) {
        delete("snapshots/" + id);
    }

    public Messages.Volume createVolume(Messages.CreateVolume request) {
        return send("POST", "volumes", request, Messages.Volume.class);
    }

    /** @param after empty for the first volumes, then {@link Messages.VolumeList#next} */
    public Messages.VolumeList volumes(String after) {
        return list("volumes", after, Messages.VolumeList.class);
    }

    public Messages.Volume volume(VolumeId id) {
        return get("volumes/" + id, Messages.Volume.class);
    }

    public Messages.Volume tagVolume(VolumeId id, Messages.ChangeTags change) {
        return send("PUT", "volumes/" + id + "/tags", change, Messages.Volume.class);
    }

    public void removeVolume(VolumeId id) {
        delete("volumes/" + id);
    }

    /** Begins a snapshot of a volume; {@link SnapshotWatch} waits for it. */
    public Messages.Snapshot startSnapshot(VolumeId id, Messages.CreateSnapshot request) {
        return send("POST", "volumes/" + id + "/snapshots", request, Messages.Snapshot.class);
    }

    /** Begins a snapshot of a volume and an image of that, which the snapshot names once it is completed. */
    public Messages.Snapshot startImage(VolumeId id, Messages.CreateImage request) {
        return send("POST", "volumes/" + id + "/images", request, Messages.Snapshot.class);
    }

    /** The present ones of some pages of one level, unproven, as an item batch. */
    public byte[] readPages(DiskId id, int level, long fromIndex, int count) {
        return exchange(
                new Call("GET", "disks/" + id + "/pages", "level=" + level + "&from=" + fromIndex + "&count=" + count),
                Api.BATCH_BYTES_MAX);
    }

    /** The present ones of some chunks, unproven, each id once, as an item batch. */
    public byte[] readChunks(DiskId id, long fromIndex, int count) {
        Reply reply = new Reply();
        readChunks(id, fromIndex, count, reply);
        return reply.toBytes();
    }

    /** Likewise, in memory that is used again. */
    void readChunks(DiskId id, long fromIndex, int count, Reply reply) {
        exchange(
                new Call("GET", "disks/" + id + "/chunks", "from=" + fromIndex + "&count=" + count),
                Api.BATCH_BYTES_MAX,
                reply);
    }

    /** The first ranges, from an offset on, in which two disks differ. */
    public Messages.Diff diff(DiskId first, DiskId second, long offset) {
        Call call = new Call("GET", "diff", "first=" + first + "&second=" + second + "&offset=" + offset);
        return decode(call, exchange(call, Api.JSON_BYTES_MAX), Messages.Diff.class);
    }

    public Messages.ExportUri exportUri(DiskId id) {
        return exportUri(id.value());
    }

    public Messages.ExportUri exportUri(VolumeId id) {
        return exportUri(id.value());
    }

    private Messages.ExportUri exportUri(String id) {
        Call call = new Call("POST", "exports/" + id, "");
        return decode(call, exchange(call, Api.JSON_BYTES_MAX), Messages.ExportUri.class);
    }

    public Messages.Stats stats() {
        return get("stats", Messages.Stats.class);
    }

    /** What the collection of garbage does, and has done. */
    public GcMessages.Status gc() {
        return get("gc", GcMessages.Status.class);
    }

    /** Has garbage collected, or has that pause, or go on. */
    public GcMessages.Done gc(GcMessages.Act act) {
        Call call = new Call("POST", "gc", "").json(act).within(limits.commit);
        return decode(call, exchange(call, Api.JSON_BYTES_MAX), GcMessages.Done.class);
    }

    /** How far a scrub is, and what the last one has found. */
    public ScrubMessages.Scrub scrub() {
        return get("scrub", ScrubMessages.Scrub.class);
    }

    /** Begins a scrub, pauses it or has it go on. */
    public ScrubMessages.Scrub scrub(ScrubMessages.ScrubAction action) {
        return send("POST", "scrub", action, ScrubMessages.Scrub.class);
    }

    /** What is damaged now. */
    public ScrubMessages.Damage damage() {
        return get("scrub/damage", ScrubMessages.Damage.class);
    }

    /** Begins a backup of the store, into a folder of the server's host. */
    public BackupMessages.Backup startBackup(BackupMessages.StartBackup request) {
        return send("POST", "backup", request, BackupMessages.Backup.class);
    }

    /** How far the last backup is. */
    public BackupMessages.Backup backup(String id) {
        return get("backup/" + segment(id), BackupMessages.Backup.class);
    }

    /** What takes the space. A store that has much may think for a while. */
    public UsageMessages.StoreUsage usage() {
        return find("usage", "", UsageMessages.StoreUsage.class);
    }

    /** Of images, volumes and so on. @param offset 0, then {@link UsageMessages.UsageList#next} */
    public UsageMessages.UsageList usageOfHolders(long offset) {
        return find("usage/holders", "offset=" + offset, UsageMessages.UsageList.class);
    }

    /** Of accounts. @param offset 0, then {@link UsageMessages.UsageList#next} */
    public UsageMessages.UsageList usageOfAccounts(long offset) {
        return find("usage/accounts", "offset=" + offset, UsageMessages.UsageList.class);
    }

    public UsageMessages.Explanation explain(ImageId id) {
        return find("images/" + id + "/explanation", "", UsageMessages.Explanation.class);
    }

    public UsageMessages.Explanation explain(SnapshotId id) {
        return find("snapshots/" + id + "/explanation", "", UsageMessages.Explanation.class);
    }

    public UsageMessages.Explanation explain(VolumeId id) {
        return find("volumes/" + id + "/explanation", "", UsageMessages.Explanation.class);
    }

    public UsageMessages.Explanation explain(AccountId id) {
        return find("accounts/" + id + "/explanation", "", UsageMessages.Explanation.class);
    }

    public UsageMessages.ChunkExplanation explain(ChunkId id) {
        return find("chunks/" + id + "/explanation", "", UsageMessages.ChunkExplanation.class);
    }

    /** What the store walks all its trees for. */
    private <T> T find(String path, String query, Class<T> type) {
        Call call = new Call("GET", path, query).within(limits.commit);
        return decode(call, exchange(call, Api.JSON_BYTES_MAX), type);
    }

    public List<Messages.Account> accounts() {
        return get("accounts", Messages.AccountList.class).accounts();
    }

    public Messages.Account createAccount(String name) {
        return send("POST", "accounts", new Messages.CreateAccount(name), Messages.Account.class);
    }

    public List<Messages.Key> keys() {
        return get("keys", Messages.KeyList.class).keys();
    }

    /** @param account whose key it will be; null: the caller's own */
    public Messages.Key createKey(AccountId account) {
        return send(
                "POST",
                "keys",
                new Messages.CreateKey(account == null ? null : account.value()),
                Messages.Key.class);
    }

    /** @param isActive false disables the key */
    public Messages.Key changeKey(String keyId, boolean isActive) {
        return send(
                "PUT",
                "keys/" + segment(keyId),
                new Messages.ChangeKey(isActive ? "active" : "disabled"),
                Messages.Key.class);
    }

    public void deleteKey(String keyId) {
        delete("keys/" + segment(keyId));
    }

    private <T> T list(String path, String after, Class<T> type) {
        Call call = new Call("GET", path, after.isEmpty() ? "" : "after=" + encoded(after));
        return decode(call, exchange(call, Api.JSON_BYTES_MAX), type);
    }

    private <T> T get(String path, Class<T> type) {
        Call call = new Call("GET", path, "");
        return decode(call, exchange(call, Api.JSON_BYTES_MAX), type);
    }

    private <T> T send(String method, String path, Object message, Class<T> type) {
        Call call = new Call(method, path, "").json(message);
        return decode(call, exchange(call, Api.JSON_BYTES_MAX), type);
    }

    private void delete(String path) {
        exchange(new Call("DELETE", path, ""), 0);
    }

    /** An id as part of a path, where no type has checked it. */
    private static String segment(String id) {
        if (!SEGMENT.matcher(id).matches()) {
            throw new StoreException(INVALID_REQUEST, "\"" + Text.shown(id) + "\" can not be an id");
        }
        return id;
    }

    private static String encoded(String value) {
        return URLEncoder.encode(value, UTF_8).replace("+", "%20");
    }

    /** What is asked. */
    private final class Call {
        final String method;
        final String path;
        final String query;
        byte[] body = {};
        int bodyBytes;
        String contentType;
        String payloadHash = PayloadHash.EMPTY;
        Duration within = limits.request;

        Call(String method, String path, String query) {
            this.method = method;
            this.path = path;
            this.query = query;
        }

        Call json(Object message) {
            body = Json.encode(message);
            bodyBytes = body.length;
            contentType = Api.JSON_TYPE;
            payloadHash = PayloadHash.of(body);
            return this;
        }

        /** Unsigned: every item is proven by its id. */
        Call binary(byte[] items, int lengthBytes) {
            body = items;
            bodyBytes = lengthBytes;
            contentType = Api.BINARY_TYPE;
            payloadHash = PayloadHash.UNSIGNED;
            return this;
        }

        Call within(Duration limit) {
            within = limit;
            return this;
        }

        HttpExchange signed() throws IOException {
            List<Header> headers = new ArrayList<>(List.of(new Header("host", host())));
            if (contentType != null) {
                headers.add(new Header("content-type", contentType));
            }
            List<Header> added =
                    signer.sign(new SignableRequest(method, Api.PREFIX + path, query, headers, payloadHash));

            HttpExchange request = new HttpExchange(
                    method,
                    endpoint.resolve(Api.PREFIX + path + (query.isEmpty() ? "" : '?' + query)),
                    limits.connect,
                    within);
            if (contentType != null) {
                request.setHeader("Content-Type", contentType);
            }
            added.forEach(header -> request.setHeader(header.name(), header.value()));
            return request;
        }

        @Override
        public String toString() {
            return method + " " + path;
        }
    }

    /** The host header exactly as the JDK's client sends it: the port only where it is not the scheme's own. */
    private String host() {
        int ownPort = endpoint.getScheme().equalsIgnoreCase("https") ? 443 : 80;
        int port = endpoint.getPort();
        return port < 0 || port == ownPort ? endpoint.getHost() : endpoint.getHost() + ':' + port;
    }

    /** Sends a request and takes its whole answer. @param bytesMax the longest good answer */
    private byte[] exchange(Call call, int bytesMax) {
        Reply reply = new Reply();
        exchange(call, bytesMax, reply);
        return reply.toBytes();
    }

    private void exchange(Call call, int bytesMax, Reply reply) {
        int status = statusOf(call, bytesMax, reply);
        if (status >= 300) {
            throw failure(call, status, reply.toBytes());
        }
    }

    private int statusOf(Call call, int bytesMax, Reply reply) {
        if (Thread.currentThread().isInterrupted()) {
            throw new StoreException(UNAVAILABLE, call + " to " + endpoint + " was interrupted");
        }
        try {
            return call.signed()
                    .run(call.body, call.bodyBytes, status -> status < 300 ? bytesMax : Api.JSON_BYTES_MAX, reply);
        } catch (StoreException e) {
            throw new StoreException(e.fault(), endpoint + " answered " + call + " with " + e.getMessage(), e);
        } catch (IOException e) {
            throw unreachable(call, e);
        } catch (RuntimeException e) {
            throw new StoreException(Fault.INTERNAL, call + " to " + endpoint + " failed: " + e, e);
        }
    }

    private StoreException unreachable(Call call, IOException why) {
        if (why instanceof UnknownHostException) {
            return new StoreException(
                    UNAVAILABLE, "the host of " + endpoint + " is not known; is the endpoint spelled right?", why);
        }
        if (why instanceof ConnectException || why instanceof NoRouteToHostException) {
            return new StoreException(
                    UNAVAILABLE, "no server answers at " + endpoint + "; is `cairn serve` running?", why);
        }
        if (why instanceof SocketTimeoutException) {
            return new StoreException(
                    UNAVAILABLE,
                    endpoint + " gave no answer to " + call + " within " + call.within.toSeconds()
                            + " s; is the server overloaded?",
                    why);
        }
        return new StoreException(
                UNAVAILABLE,
                "the connection to " + endpoint + " broke during " + call + " (" + Text.shown(reason(why))
                        + "); is it a Cairn server, and still running?",
                why);
    }

    private static String reason(Throwable why) {
        return why.getMessage() == null ? why.getClass().getSimpleName() : why.getMessage();
    }

    private StoreException failure(Call call, int status, byte[] body) {
        try {
            Messages.Failure failure = Json.decode(wordsOf(call, status, body), Messages.Failure.class);
            if (failure.fault() != null && failure.message() != null) {
                return new StoreException(failure.fault(), failure.message());
            }
        } catch (StoreException notOurs) {
            // Something between us and the server answered in its own words; its status has to do.
        }
        return new StoreException(
                faultOf(status),
                endpoint + " answered " + call + " with HTTP status " + status
                        + " and not in Cairn's words; is it a Cairn server?");
    }

    /** Why somebody is not believed is not told with a body on its way; a request without one is refused as well. */
    private byte[] wordsOf(Call call, int status, byte[] body) {
        if (status != 401 || body.length > 0 || call.method.equals("GET")) {
            return body;
        }
        Reply reply = new Reply();
        int again = statusOf(new Call("GET", "store", ""), Api.JSON_BYTES_MAX, reply);
        return again == status ? reply.toBytes() : body;
    }

    private static Fault faultOf(int status) {
        return switch (status) {
            case 401 -> Fault.UNAUTHENTICATED;
            case 403 -> Fault.FORBIDDEN;
            case 404 -> Fault.NOT_FOUND;
            case 409, 412 -> Fault.CONFLICT;
            case 413 -> Fault.TOO_LARGE;
            case 502, 503, 504 -> UNAVAILABLE;
            case 507 -> Fault.NO_SPACE;
            default -> status >= 500 ? Fault.INTERNAL : INVALID_REQUEST;
        };
    }

    private <T> T decode(Call call, byte[] json, Class<T> type) {
        try {
            return Json.decode(json, type);
        } catch (StoreException e) {
            throw new StoreException(
                    Fault.INTERNAL, endpoint + " answered " + call + " as no Cairn server does: " + e.getMessage(), e);
        }
    }
}
