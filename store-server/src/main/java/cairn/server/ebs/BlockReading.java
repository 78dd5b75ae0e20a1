package cairn.server.ebs;

import static cairn.server.ebs.EbsFailure.Reason.INVALID_BLOCK;
import static cairn.server.ebs.EbsFailure.Reason.INVALID_BLOCK_TOKEN;
import static cairn.server.ebs.EbsFailure.Reason.INVALID_PAGE_TOKEN;
import static cairn.server.ebs.EbsFailure.Reason.INVALID_SNAPSHOT_ID;
import static cairn.server.ebs.EbsFailure.Reason.UNRELATED_SNAPSHOTS;

import cairn.Digest;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.image.SnapshotId;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.ebs.ChangedBlocks.Changed;
import cairn.server.http.HttpReply;
import cairn.server.image.PendingSnapshots;
import cairn.server.image.Snapshot;
import cairn.server.image.SnapshotRegistry;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.OpenTrees;
import cairn.server.storage.StoredPages;
import cairn.server.upload.BlockUploads;
import cairn.tree.Page;
import cairn.tree.PageId;
import cairn.tree.PageSource;
import cairn.tree.TreeRoot;
import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** Lists and reads the blocks of completed snapshots. Those that are zeros are not listed, and read as zeros. */
final class BlockReading {
    static final int RESULTS_MIN = 100;
    static final int RESULTS_MAX = 10_000;

    /** Pages of trees, 8 KiB each, that readers of one snapshot after another ask for again and again. */
    private static final int PAGES_CACHED_MAX = 1024;
    private static final long GIB = 1L << 30;
    private static final String COMPARE_HEADER = "x-cairn-compare";
    private static final String COMPARE_ANY = "any";

    private final SnapshotRegistry snapshots;
    private final List<PendingSnapshots> pending;
    private final ChunkStore chunks;
    private final BlockTokens tokens;
    private final Cache<PageId, Page> pages = Caffeine.newBuilder().maximumSize(PAGES_CACHED_MAX).build();

    BlockReading(
            SnapshotRegistry snapshots, List<PendingSnapshots> pending, ChunkStore chunks, BlockTokens tokens) {
        this.snapshots = snapshots;
        this.pending = pending;
        this.chunks = chunks;
        this.tokens = tokens;
    }

    /** ListSnapshotBlocks: all blocks, those of ancestors too, for a snapshot's tree is complete. */
    HttpReply list(EbsRequest request, SnapshotId id) {
        return reading(request.caller(), id, snapshot -> list(request, snapshot));
    }

    private HttpReply list(EbsRequest request, Snapshot snapshot) {
        SnapshotId id = snapshot.id();
        TreeRoot zeros = TreeRoot.of(snapshot.root().sizeBytes(), Digest.ZERO);
        Listing listing = new Listing(request, "ListSnapshotBlocks " + id);
        ChangedBlocks found = listing.find(zeros, snapshot.root(), pagesOf(snapshot.domain()));
        Instant until = tokens.blockTokensEnd();
        List<Map<String, Object>> blocks = new ArrayList<>();
        for (Changed each : found.blocks()) {
            blocks.add(Map.of(
                    "BlockIndex", each.blockIndex(),
                    "BlockToken", tokens.ofBlock(request.caller(), id, each.blockIndex(), until)));
        }
        return listing.reply("Blocks", blocks, found, until, snapshot);
    }

    /** ListChangedBlocks. Without a first snapshot all that the second has is changed. */
    HttpReply listChanged(EbsRequest request, SnapshotId secondId) {
        Caller caller = request.caller();
        return reading(caller, secondId, second -> request.findSnapshot("firstSnapshotId")
                .map(id -> reading(caller, id, first -> listChanged(request, Optional.of(first), second)))
                .orElseGet(() -> listChanged(request, Optional.empty(), second)));
    }

    private HttpReply listChanged(EbsRequest request, Optional<Snapshot> first, Snapshot second) {
        SnapshotId secondId = second.id();
        boolean isAnyCompared = request.hasOnly(COMPARE_HEADER, COMPARE_ANY);
        first.filter(each -> !isAnyCompared && !snapshots.areRelated(each, second)).ifPresent(each -> {
            throw EbsFailure.invalid(
                    UNRELATED_SNAPSHOTS,
                    "The snapshots " + each.id() + " and " + second.id() + " are not related; with the header "
                            + COMPARE_HEADER + ": " + COMPARE_ANY + " any two are compared");
        });
        TreeRoot before =
                first.map(Snapshot::root).orElseGet(() -> TreeRoot.of(second.root().sizeBytes(), Digest.ZERO));
        Listing listing = new Listing(
                request, "ListChangedBlocks " + first.map(each -> each.id().value()).orElse("") + ' ' + secondId);
        ChangedBlocks found = listing.find(
                before, second.root(), pagesOf(second.domain(), first.map(Snapshot::domain).orElse(second.domain())));
        Instant until = tokens.blockTokensEnd();
        List<Map<String, Object>> blocks = new ArrayList<>();
        for (Changed each : found.blocks()) {
            Map<String, Object> block = new LinkedHashMap<>(Map.of("BlockIndex", each.blockIndex()));
            if (each.isInFirst()) {
                block.put("FirstBlockToken", tokens.ofBlock(
                        request.caller(), first.orElseThrow().id(), each.blockIndex(), until));
            }
            if (each.isInSecond()) {
                block.put("SecondBlockToken", tokens.ofBlock(request.caller(), secondId, each.blockIndex(), until));
            }
            blocks.add(block);
        }
        return listing.reply("ChangedBlocks", blocks, found, until, second);
    }

    /** A part of a list: where it begins, and how long it may be. */
    private final class Listing {
        private final Caller caller;
        private final String name;
        private final int fromBlock;
        private final int resultsMax;

        Listing(EbsRequest request, String name) {
            this.caller = request.caller();
            this.name = name;
            this.resultsMax = Math.max(RESULTS_MIN, request.findNumber("maxResults", RESULTS_MAX).orElse(RESULTS_MAX));
            int startingBlock = request.findNumber("startingBlockIndex", EbsRequest.BLOCK_INDEX_MAX).orElse(0);
            this.fromBlock = request.findToken("pageToken", INVALID_PAGE_TOKEN)
                    .map(token -> tokens.openPage(caller, name, token))
                    .orElse(startingBlock);
        }

        ChangedBlocks find(TreeRoot first, TreeRoot second, PageSource source) {
            return ChangedBlocks.find(first, second, source, fromBlock, resultsMax);
        }

        HttpReply reply(
                String member,
                List<Map<String, Object>> blocks,
                ChangedBlocks found,
                Instant until,
                Snapshot snapshot) {
            Map<String, Object> body = new LinkedHashMap<>();
            body.put(member, blocks);
            body.put("ExpiryTime", EbsJson.time(until));
            body.put("VolumeSize", sizeGib(snapshot.root().sizeBytes()));
            body.put("BlockSize", BlockUploads.BLOCK_BYTES);
            found.next().ifPresent(next -> body.put("NextToken", tokens.ofPage(caller, name, next)));
            return EbsJson.reply(200, body);
        }
    }

    /** A disk that ends within a GiB counts with the whole of it. */
    static long sizeGib(long sizeBytes) {
        return (sizeBytes + GIB - 1) / GIB;
    }

    /** GetSnapshotBlock. Behind the end of the disk a block holds zeros. */
    HttpReply get(EbsRequest request, SnapshotId id, int blockIndex) {
        String token = request.findToken("blockToken", INVALID_BLOCK_TOKEN)
                .orElseThrow(() -> EbsFailure.missing("blockToken"));
        return reading(request.caller(), id, snapshot -> get(request, snapshot, blockIndex, token));
    }

    private HttpReply get(EbsRequest request, Snapshot snapshot, int blockIndex, String token) {
        SnapshotId id = snapshot.id();
        if (blockIndex >= ChangedBlocks.count(snapshot.root())) {
            throw EbsFailure.invalid(INVALID_BLOCK, "snapshot " + id + " has no block " + blockIndex);
        }
        tokens.requireBlock(request.caller(), id, blockIndex, token);
        byte[] block = block(snapshot, blockIndex);
        return new HttpReply(200, "application/octet-stream", block, Map.of(
                "x-amz-Data-Length", Integer.toString(block.length),
                "x-amz-Checksum", Base64.getEncoder().encodeToString(Digest.of(block).toBytes()),
                "x-amz-Checksum-Algorithm", "SHA256"));
    }

    private byte[] block(Snapshot snapshot, int blockIndex) {
        List<ChunkId> ids = ChangedBlocks.chunksOf(snapshot.root(), pagesOf(snapshot.domain()), blockIndex);
        Map<ItemKey, List<Integer>> places = new HashMap<>();
        for (int i = 0; i < ids.size(); i++) {
            if (!ids.get(i).isAbsent()) {
                places.computeIfAbsent(ItemKey.of(ids.get(i)), key -> new ArrayList<>()).add(i * Chunk.SIZE_BYTES);
            }
        }
        byte[] block = new byte[BlockUploads.BLOCK_BYTES];
        chunks.readAll(snapshot.domain(), places.keySet(), (key, packed) -> {
            for (int at : places.get(key)) {
                ChunkCodec.unpack(packed, 0, packed.length, block, at, Chunk.SIZE_BYTES);
            }
        });
        return block;
    }

    /**
     * Does something with a snapshot's content, which stays, whatever becomes of the snapshot meanwhile.
     *
     * @throws EbsFailure INVALID_SNAPSHOT_ID if it is not completed
     */
    private <T> T reading(Caller caller, SnapshotId id, Function<Snapshot, T> action) {
        if (pending.stream().anyMatch(each -> each.find(caller, id).isPresent())) {
            throw EbsFailure.invalid(INVALID_SNAPSHOT_ID, "snapshot " + id + " is not completed");
        }
        return chunks.openTrees().reading(
                () -> snapshots.read(caller, Right.READ, id),
                snapshot -> new OpenTrees.Tree(snapshot.domain(), snapshot.root()),
                action);
    }

    private PageSource pagesOf(DomainId domain) {
        return id -> pages.get(id, new StoredPages(chunks, domain)::read);
    }

    /** Pages of two trees, which may lie in two domains. */
    private PageSource pagesOf(DomainId domain, DomainId other) {
        if (domain.equals(other)) {
            return pagesOf(domain);
        }
        return id -> pages.get(id, key ->
                new StoredPages(chunks, chunks.isReadable(domain, ItemKey.of(key)) ? domain : other).read(key));
    }
}
