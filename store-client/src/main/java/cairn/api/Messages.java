package cairn.api;

import cairn.Fault;
import java.util.List;
import java.util.Map;

/** The JSON messages of our own API. Ids and digests are text, sizes count bytes, times are ISO 8601 in UTC. */
public final class Messages {
    private Messages() {}

    /** What went wrong. */
    public record Failure(Fault fault, String message) {}

    /** @param publicKey the Ed25519 key that signs images, in hexadecimal digits */
    public record StoreInfo(String version, int chunkBytes, String publicKey, String account) {}

    /**
     * @param name of the image that it is to become: asked for now, a name that is taken is told before anything is
     * sent;
     *     may be absent
     * @param parent of that image, likewise
     */
    public record StartUpload(long sizeBytes, String name, String parent) {
        public StartUpload(long sizeBytes) {
            this(sizeBytes, null, null);
        }
    }

    /** @param leaseUntil what was sent is kept until then at least, and longer while more is sent */
    public record Upload(String id, long sizeBytes, String startedAt, String leaseUntil) {}

    /**
     * Ends an upload: everything below the top page has been sent.
     *
     * @param topPage the id of the tree's top page; zeros for a disk of zeros
     * @param rootDigest what the client computed; the store computes it too, and refuses another
     * @param bootMode may be absent
     * @param parent the image that this one was derived from; may be absent
     */
    public record CommitUpload(
            String topPage,
            String rootDigest,
            String name,
            String description,
            String architecture,
            String bootMode,
            String parent,
            Map<String, String> tags) {}

    /**
     * An image as its owner, or somebody that it is shared with, sees it.
     *
     * @param rootDigest of the root device
     * @param parent absent for a root image
     */
    public record Image(
            String id,
            String name,
            String description,
            String owner,
            String state,
            String architecture,
            String bootMode,
            String rootDevice,
            String parent,
            String createdAt,
            String snapshot,
            long sizeBytes,
            String rootDigest,
            boolean isPublic,
            List<String> sharedWith,
            Map<String, String> tags) {}

    /** @param signedManifest as cairn.image.SignedManifest encodes it, in Base64 */
    public record ImageProof(String id, String signedManifest) {}

    public record Snapshot(
            String id,
            String owner,
            String state,
            String startedAt,
            String parent,
            long sizeBytes,
            String rootDigest,
            String topPage,
            Map<String, String> tags) {}

    /** @param next ask for what comes after this id; absent at the end */
    public record ImageList(List<Image> images, String next) {}

    /** A run of bytes that differ. */
    public record Range(long offset, long lengthBytes) {}

    /** @param next the offset to go on from; absent at the end */
    public record Diff(String first, String second, List<Range> ranges, Long next) {}

    /**
     * How an export is opened.
     *
     * @param uri over TCP, with its ticket
     * @param socketUri over the unix socket; absent where the server has none
     */
    public record ExportUri(String id, String uri, String socketUri, String validUntil) {}

    /**
     * What the store holds.
     *
     * @param logicalBytes sum of the sizes of all snapshots
     * @param uniqueBytes plain bytes of all chunks kept
     * @param storedBytes on disk, everything counted
     */
    public record Stats(
            int images,
            int snapshots,
            long logicalBytes,
            long chunks,
            long uniqueBytes,
            long storedBytes,
            long segmentBytes,
            long indexBytes,
            long usableBytes) {}

    public record CreateAccount(String name) {}

    public record Account(String id, String name, String state, String createdAt) {}

    public record AccountList(List<Account> accounts) {}

    /** @param account whose key it will be; absent: the caller's own */
    public record CreateKey(String account) {}

    /** @param secretAccessKey shown once, when the key is made; else absent */
    public record Key(String id, String account, String state, String createdAt, String secretAccessKey) {}

    public record KeyList(List<Key> keys) {}

    /** @param state {@code active} or {@code disabled} */
    public record ChangeKey(String state) {}
}
