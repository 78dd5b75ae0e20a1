package cairn.server.api;

import static cairn.Fault.FORBIDDEN;
import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.NOT_FOUND;

import cairn.Digest;
import cairn.StoreException;
import cairn.Text;
import cairn.api.UsageMessages.ChunkExplanation;
import cairn.api.UsageMessages.Copy;
import cairn.api.UsageMessages.Explanation;
import cairn.api.UsageMessages.Keeper;
import cairn.api.UsageMessages.Sharer;
import cairn.api.UsageMessages.Stay;
import cairn.api.UsageMessages.StoreUsage;
import cairn.api.UsageMessages.Usage;
import cairn.api.UsageMessages.UsageList;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkId;
import cairn.image.AccountId;
import cairn.image.ImageId;
import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.account.Access;
import cairn.server.account.Access.Right;
import cairn.server.account.Account;
import cairn.server.account.Accounts;
import cairn.server.account.Caller;
import cairn.server.account.Sharing;
import cairn.server.gc.Accounting;
import cairn.server.gc.Explanation.OfChunk;
import cairn.server.gc.Explanation.OfHolder;
import cairn.server.gc.Held;
import cairn.server.gc.Holder;
import cairn.server.gc.Ledger;
import cairn.server.gc.Subject;
import cairn.server.http.HttpCall;
import cairn.server.http.HttpReply;
import cairn.server.storage.Ordinal;
import cairn.server.storage.SegmentStore.Extent;
import cairn.tree.PageId;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * Answers what takes the space, and why. Root is told of everything. Everybody else is told of what is their own: who
 * else has a chunk they learn only by that it would not come back.
 */
public final class ExplainApi {
    private static final int ITEMS_MAX = 1000;

    private final Accounting accounting;
    private final Accounts accounts;

    public ExplainApi(Accounting accounting, Accounts accounts) {
        this.accounting = accounting;
        this.accounts = accounts;
    }

    CompletableFuture<HttpReply> usage(HttpCall call) {
        call.requireOnly();
        if (!call.caller().isRoot()) {
            throw new StoreException(FORBIDDEN, "only the root account sees what the whole store holds");
        }
        return accounting.ledger().thenApply(ledger -> ApiDoor.json(new StoreUsage(
                ledger.keptChunks(),
                ledger.keptChunks() * Chunk.SIZE_BYTES,
                ledger.storedBytes(),
                ledger.reclaimableBytes(),
                ledger.unfinishedBytes(),
                ledger.took().toMillis(),
                ledger.pageReads(),
                ledger.heldBytes())));
    }

    CompletableFuture<HttpReply> holders(HttpCall call) {
        return list(call, ledger -> ledger.lines().stream()
                .filter(line -> isOwn(call.caller(), line.holder()))
                .map(ExplainApi::message)
                .toList());
    }

    CompletableFuture<HttpReply> accounts(HttpCall call) {
        return list(call, ledger -> ledger.accounts().stream()
                .filter(each -> call.caller().isRoot() || each.id().equals(call.caller().account()))
                .map(this::message)
                .toList());
    }

    private CompletableFuture<HttpReply> list(HttpCall call, Function<Ledger, List<Usage>> items) {
        call.requireOnly("offset");
        int offset = call.find("offset").isEmpty() ? 0 : (int) call.readNumber("offset", Integer.MAX_VALUE);
        return accounting.ledger().thenApply(ledger -> {
            List<Usage> all = items.apply(ledger);
            List<Usage> rest = all.subList(Math.min(offset, all.size()), all.size());
            ListPage<Usage> page = ListPage.of(
                    rest.subList(0, Math.min(ITEMS_MAX, rest.size())), Function.identity(), Usage::id);
            long end = (long) offset + page.items().size();
            return ApiDoor.json(new UsageList(page.items(), end < all.size() ? end : null));
        });
    }

    private static Usage message(Ledger.Line line) {
        Holder holder = line.holder();
        return new Usage(
                holder.id(),
                holder.kind().toString(),
                holder.name(),
                holder.account().value(),
                holder.region().name(),
                line.logicalBytes(),
                line.held().dataChunks() * Chunk.SIZE_BYTES,
                line.held().exclusiveChunks(),
                line.held().exclusiveChunks() * Chunk.SIZE_BYTES,
                line.held().exclusiveStoredBytes(),
                stays(holder));
    }

    private Usage message(Ledger.Account account) {
        return new Usage(
                account.id().value(),
                "account",
                name(account.id()),
                null,
                null,
                account.logicalBytes(),
                account.held().dataChunks() * Chunk.SIZE_BYTES,
                account.held().exclusiveChunks(),
                account.held().exclusiveChunks() * Chunk.SIZE_BYTES,
                account.held().exclusiveStoredBytes(),
                List.of());
    }

    private String name(AccountId id) {
        return accounts.list(accounts.root()).stream()
                .filter(each -> each.id().equals(id))
                .map(Account::name)
                .findFirst()
                .orElse("");
    }

    private static List<Stay> stays(Holder holder) {
        return holder.stays().stream()
                .map(each -> new Stay(each.why(), each.id(), each.until().toString()))
                .toList();
    }

    CompletableFuture<HttpReply> image(HttpCall call, String id) {
        return explain(call, id, Subject.ofHolder(Holder.Kind.IMAGE, new ImageId(id).value()));
    }

    CompletableFuture<HttpReply> snapshot(HttpCall call, String id) {
        return explain(call, id, Subject.ofSnapshot(new SnapshotId(id).value()));
    }

    CompletableFuture<HttpReply> volume(HttpCall call, String id) {
        return explain(call, id, Subject.ofHolder(Holder.Kind.VOLUME, new VolumeId(id).value()));
    }

    CompletableFuture<HttpReply> account(HttpCall call, String id) {
        AccountId account = new AccountId(id);
        if (accounts.list(call.caller()).stream().noneMatch(each -> each.id().equals(account))) {
            throw new StoreException(NOT_FOUND, "there is no account " + id);
        }
        call.requireOnly();
        Predicate<Holder> isOwn = holder -> isOwn(call.caller(), holder);
        return accounting.explain(Subject.ofAccount(account), isOwn, isOwn)
                .thenApply(explained -> ApiDoor.json(
                        message(call.caller(), id, "account", name(account), List.of(), List.of(), explained)));
    }

    private CompletableFuture<HttpReply> explain(HttpCall call, String id, Subject subject) {
        call.requireOnly();
        Caller caller = call.caller();
        return accounting.explain(subject, holder -> mayManage(caller, holder), holder -> isOwn(caller, holder))
                .thenApply(explained -> ApiDoor.json(message(caller, id, explained)));
    }

    private static Explanation message(Caller caller, String id, OfHolder explained) {
        Optional<Holder> itself =
                explained.holders().stream().filter(holder -> holder.id().equals(id)).findFirst();
        return message(
                caller,
                id,
                itself.map(holder -> holder.kind().toString()).orElse(Holder.Kind.SNAPSHOT.toString()),
                itself.map(Holder::name).orElse(""),
                itself.isPresent() ? List.of() : explained.holders().stream().map(Holder::id).toList(),
                explained.holders().stream()
                        .flatMap(holder -> stays(holder).stream())
                        .filter(stay -> itself.isPresent() || stay.id().equals(id))
                        .distinct()
                        .toList(),
                explained);
    }

    private static Explanation message(
            Caller caller,
            String id,
            String kind,
            String name,
            List<String> images,
            List<Stay> stays,
            OfHolder explained) {
        Held held = explained.held();
        return new Explanation(
                id,
                kind,
                name,
                explained.logicalBytes(),
                held.dataChunks() * Chunk.SIZE_BYTES,
                held.exclusiveChunks(),
                held.exclusiveChunks() * Chunk.SIZE_BYTES,
                held.exclusiveStoredBytes(),
                images,
                stays,
                caller.isRoot() ? explained.isOpen() : null,
                explained.sharers().stream()
                        .map(each -> new Sharer(
                                each.holder().id(),
                                each.holder().kind().toString(),
                                each.holder().name(),
                                each.holder().account().value(),
                                each.sharedChunks() * Chunk.SIZE_BYTES))
                        .toList());
    }

    /** Wherever it lies: a table and a sum are of all regions. */
    private static boolean isOwn(Caller caller, Holder holder) {
        return caller.isRoot() || holder.account().equals(caller.account());
    }

    private static boolean mayManage(Caller caller, Holder holder) {
        return Access.may(caller, Right.MANAGE, new Access.Owned() {
            @Override
            public AccountId owner() {
                return holder.account();
            }

            @Override
            public Region region() {
                return holder.region();
            }

            @Override
            public Sharing sharing() {
                return Sharing.NONE;
            }
        });
    }

    CompletableFuture<HttpReply> chunk(HttpCall call, String id) {
        call.requireOnly();
        Caller caller = call.caller();
        return accounting.explain(chunkId(id), holder -> isOwn(caller, holder), caller.isRoot())
                .thenApply(explained -> ApiDoor.json(message(caller, id, explained)));
    }

    private static ChunkId chunkId(String id) {
        try {
            return new ChunkId(Digest.parse(id));
        } catch (StoreException e) {
            throw new StoreException(
                    INVALID_REQUEST, Text.shown(id) + " is no id of a chunk (expecting 64 hexadecimal digits)", e);
        }
    }

    private static ChunkExplanation message(Caller caller, String id, OfChunk explained) {
        return new ChunkExplanation(
                id,
                caller.isRoot() ? explained.copies().stream().map(ExplainApi::message).toList() : null,
                explained.keepers().stream().map(ExplainApi::message).toList(),
                explained.keeperCount(),
                caller.isRoot() ? explained.isOpen() : null);
    }

    private static Copy message(cairn.server.gc.Explanation.Copy copy) {
        Optional<Extent> extent = copy.extent();
        return new Copy(
                Ordinal.shown(copy.ordinal()),
                copy.isKept() ? "kept" : "unreferenced",
                extent.map(each -> each.isSettled() ? "settled" : "written").orElse("open"),
                extent.map(each -> Ordinal.shown(each.firstOrdinal()) + " to " + Ordinal.shown(each.lastOrdinal()))
                        .orElse(null),
                extent.map(Extent::items).orElse(null),
                extent.map(Extent::storedBytes).orElse(null));
    }

    private static Keeper message(cairn.server.gc.Explanation.Keeper keeper) {
        Holder holder = keeper.holder();
        boolean isInTree = !keeper.path().isEmpty();
        return new Keeper(
                holder.id(),
                holder.kind().toString(),
                holder.name(),
                holder.account().value(),
                holder.region().name(),
                keeper.tree(),
                keeper.path().stream().map(PageId::toString).collect(Collectors.toList()),
                isInTree ? keeper.chunkIndex() : null,
                isInTree ? keeper.chunkIndex() * Chunk.SIZE_BYTES : null,
                keeper.occurrences());
    }
}
