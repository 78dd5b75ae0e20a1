package cairn.server.ec2;

import static cairn.Fault.CONFLICT;

import cairn.StoreException;
import cairn.Text;
import cairn.server.account.Caller;
import cairn.server.image.TaggedResources;
import cairn.server.image.TaggedResources.TagSet;
import cairn.server.image.TaggedResources.Tagged;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.Catalog;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** Tags of everything that has them. */
public final class TagOperations {
    private static final int TRIES_MAX = 16;
    private static final String RESOURCE_ID = "ResourceId";
    private static final String TAG = "Tag";
    private static final String KEY = "Key";
    private static final String VALUE = "Value";

    private final Catalog catalog;
    private final List<TaggedResources> homes;
    private final Pages pages;

    /** @param homes one for each kind of resource */
    public TagOperations(Catalog catalog, List<TaggedResources> homes, Pages pages) {
        this.catalog = catalog;
        this.homes = homes.stream().sorted(Comparator.comparing(TaggedResources::idPrefix)).toList();
        this.pages = pages;
    }

    /** One tag of one resource. */
    private record OneTag(String resource, String key, String value) {
        /** No id holds a slash. */
        String place() {
            return resource + '/' + key;
        }

        Optional<String> kind() {
            return ResourceKind.of(resource).map(ResourceKind::wireName);
        }

        Answer shown() {
            return Answer.of()
                    .put("resourceId", resource)
                    .put("resourceType", kind())
                    .put("key", key)
                    .put("value", value);
        }
    }

    public void addTo(Operations all) {
        all.add("CreateTags", this::createTags);
        all.add("DeleteTags", this::deleteTags);
        Filters<OneTag> filters = all.filters(
                "DescribeTags",
                Map.of(
                        "key", tag -> Stream.of(tag.key),
                        "value", tag -> Stream.of(tag.value),
                        "resource-id", tag -> Stream.of(tag.resource),
                        "resource-type", tag -> tag.kind().stream()),
                tag -> Map.of(tag.key, tag.value));
        all.add("DescribeTags", request -> describeTags(request, filters));
    }

    private Effect createTags(Ec2Request request) {
        Map<String, String> added = Tags.read(request.arguments().structures(TAG));
        return changed(request, tags -> {
            Map<String, String> sum = new LinkedHashMap<>(tags);
            sum.putAll(added);
            Tags.requireRoom(sum);
            return sum;
        });
    }

    private Effect deleteTags(Ec2Request request) {
        List<Arguments> deleted = request.arguments().structures(TAG);
        deleted.forEach(tag -> Tags.requireUsers(tag.text(KEY)));
        return changed(request, tags -> {
            Map<String, String> rest = new LinkedHashMap<>(tags);
            if (deleted.isEmpty()) {
                rest.keySet().removeIf(key -> !Tags.isReserved(key));
            }
            deleted.forEach(tag -> tag.findText(VALUE)
                    .ifPresentOrElse(value -> rest.remove(tag.text(KEY), value), () -> rest.remove(tag.text(KEY))));
            return rest;
        });
    }

    private Effect changed(Ec2Request request, UnaryOperator<Map<String, String>> change) {
        Set<String> ids = new LinkedHashSet<>(request.arguments().texts(RESOURCE_ID));
        Retagging checked = retagging(request.caller(), ids, change);
        return () -> {
            apply(request.caller(), ids, change, checked);
            return Answer.of();
        };
    }

    /** What is to be done: all records in one commit, then what is no record. */
    private record Retagging(List<Change> changes, Map<Tagged, Map<String, String>> others) {}

    private Retagging retagging(Caller caller, Set<String> ids, UnaryOperator<Map<String, String>> change) {
        Retagging retagging = new Retagging(new ArrayList<>(), new LinkedHashMap<>());
        for (Tagged resource : ids.stream().map(id -> read(caller, id)).toList()) {
            Map<String, String> tags = change.apply(resource.tags());
            if (!tags.equals(resource.tags())) {
                resource.retagging(tags)
                        .ifPresentOrElse(retagging.changes::add, () -> retagging.others.put(resource, tags));
            }
        }
        return retagging;
    }

    private Tagged read(Caller caller, String id) {
        return ResourceKind.of(id)
                .filter(kind -> kind.isOurs(id))
                .flatMap(kind -> homes.stream().filter(home -> home.idPrefix().equals(kind.prefix())).findFirst())
                .flatMap(home -> home.find(caller, id))
                .orElseThrow(() -> new Ec2Failure("InvalidID", "The ID '" + Text.shown(id) + "' is not valid"));
    }

    /** Begins again where somebody else has changed one of them meanwhile. */
    private void apply(Caller caller, Set<String> ids, UnaryOperator<Map<String, String>> change, Retagging checked) {
        Retagging next = checked;
        for (int tries = 1; !tryApply(next); tries++) {
            if (tries == TRIES_MAX) {
                throw new StoreException(CONFLICT, "others change the tags of these resources all the time; try again");
            }
            next = retagging(caller, ids, change);
        }
    }

    private boolean tryApply(Retagging retagging) {
        if (!retagging.changes.isEmpty()) {
            try {
                catalog.commit(retagging.changes);
            } catch (StoreException e) {
                if (e.fault() == CONFLICT) {
                    return false;
                }
                throw e;
            }
        }
        boolean areAllThere = true;
        for (Map.Entry<Tagged, Map<String, String>> other : retagging.others.entrySet()) {
            areAllThere &= other.getKey().retag(other.getValue());
        }
        return areAllThere;
    }

    private Effect describeTags(Ec2Request request, Filters<OneTag> filters) {
        String after = pages.after(request);
        Stream<OneTag> tags = homes.stream()
                .filter(home -> home.idPrefix().compareTo(after) > 0 || after.startsWith(home.idPrefix()))
                .flatMap(home -> home.stream(request.caller(), lastBefore(after)))
                .flatMap(TagOperations::tagsOf)
                .filter(filters.of(request));
        Pages.Page page = pages.page(request, tags, OneTag::place, OneTag::shown);
        return () -> Answer.of().put("tagSet", page.items()).put("nextToken", page.nextToken());
    }

    /** Something before the id in whose tags a page has ended: it may have more of them. */
    private static String lastBefore(String place) {
        int idEnd = place.indexOf('/');
        return idEnd < 0 ? "" : place.substring(0, idEnd - 1);
    }

    private static Stream<OneTag> tagsOf(TagSet set) {
        return new TreeMap<>(set.tags())
                .entrySet().stream().map(tag -> new OneTag(set.resource(), tag.getKey(), tag.getValue()));
    }
}
