package cairn.server.rbin;

import static cairn.server.rbin.RbinFailure.invalid;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.server.account.Caller;
import cairn.server.account.Retention;
import cairn.server.account.RetentionRule;
import cairn.server.account.RetentionRules;
import cairn.server.account.SignedTokens;
import cairn.server.http.HttpCall;
import cairn.server.http.HttpReply;
import cairn.server.rbin.RbinMessages.ListRequest;
import cairn.server.rbin.RbinMessages.LockConfiguration;
import cairn.server.rbin.RbinMessages.LockRequest;
import cairn.server.rbin.RbinMessages.ResourceTag;
import cairn.server.rbin.RbinMessages.RetentionPeriod;
import cairn.server.rbin.RbinMessages.Rule;
import cairn.server.rbin.RbinMessages.RuleList;
import cairn.server.rbin.RbinMessages.RuleRequest;
import cairn.server.rbin.RbinMessages.RuleSummary;
import cairn.server.rbin.RbinMessages.Tag;
import cairn.server.rbin.RbinMessages.TagList;
import cairn.server.rbin.RbinMessages.TagRequest;
import cairn.server.rbin.RbinMessages.UnlockDelay;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** The ten operations: each takes a message apart, asks the rules, and says what they are then. */
final class RuleOperations {
    private static final String DAYS = "DAYS";
    private static final String AVAILABLE = "available";
    private static final int PAGE_MAX = 1000;
    private static final int TAG_KEYS_MAX = 200;
    private static final Duration PAGE_TOKEN_LIFETIME = Duration.ofHours(24);
    private static final Map<String, Retention.Kind> KINDS = new TreeMap<>(Map.of(
            "EBS_SNAPSHOT", Retention.Kind.SNAPSHOT,
            "EC2_IMAGE", Retention.Kind.IMAGE,
            "EBS_VOLUME", Retention.Kind.VOLUME));

    private final RetentionRules rules;
    private final SignedTokens tokens;

    RuleOperations(RetentionRules rules, SignedTokens tokens) {
        this.rules = rules;
        this.tokens = tokens;
    }

    HttpReply create(HttpCall call) {
        RuleRequest wanted = RbinJson.decode(call.body(), RuleRequest.class);
        RetentionRules.NewRule rule = new RetentionRules.NewRule(
                kind(wanted.resourceType()),
                days(required("RetentionPeriod", wanted.retentionPeriod())),
                Optional.ofNullable(wanted.description()).orElse(""),
                matches(wanted.resourceTags()).orElse(List.of()),
                matches(wanted.excludeResourceTags()).orElse(List.of()),
                Optional.ofNullable(wanted.lockConfiguration()).map(RuleOperations::unlockDays),
                tags(wanted.tags()));
        RetentionRule made;
        try {
            made = rules.create(call.caller(), rule);
        } catch (StoreException e) {
            throw e.fault() == Fault.NO_SPACE ? RbinFailure.tooMany(e.getMessage()) : e;
        }
        return RbinDoor.json(201, message(made, shown(made.tags())));
    }

    HttpReply get(HttpCall call, String id) {
        return answer(rules.read(call.caller(), id));
    }

    HttpReply update(HttpCall call, String id) {
        RuleRequest wanted = RbinJson.decode(call.body(), RuleRequest.class);
        if (wanted.resourceType() != null && kind(wanted.resourceType()) != rules.read(call.caller(), id).kind()) {
            throw invalid("a rule's ResourceType does not change");
        }
        return answer(rules.change(call.caller(), id, new RetentionRules.RuleChange(
                Optional.ofNullable(wanted.retentionPeriod()).map(RuleOperations::days),
                Optional.ofNullable(wanted.description()),
                matches(wanted.resourceTags()),
                matches(wanted.excludeResourceTags()))));
    }

    HttpReply delete(HttpCall call, String id) {
        rules.remove(call.caller(), id);
        return HttpReply.NO_CONTENT;
    }

    HttpReply lock(HttpCall call, String id) {
        LockRequest wanted = RbinJson.decode(call.body(), LockRequest.class);
        int days = unlockDays(required("LockConfiguration", wanted.lockConfiguration()));
        return answer(rules.lock(call.caller(), id, days));
    }

    HttpReply unlock(HttpCall call, String id) {
        return answer(rules.unlock(call.caller(), id));
    }

    HttpReply list(HttpCall call) {
        ListRequest wanted = RbinJson.decode(call.body(), ListRequest.class);
        Retention.Kind kind = kind(wanted.resourceType());
        int pageMax = Optional.ofNullable(wanted.maxResults()).orElse(PAGE_MAX);
        if (pageMax < 1 || pageMax > PAGE_MAX) {
            throw invalid("MaxResults is 1 to " + PAGE_MAX + ", not " + pageMax);
        }
        Optional<RetentionRule.LockState> lockState = Optional.ofNullable(wanted.lockState()).map(RuleOperations::lockState);
        List<RetentionRule.Match> matching = matches(wanted.resourceTags()).orElse(List.of());
        List<RetentionRule.Match> excluded = matches(wanted.excludeResourceTags()).orElse(List.of());
        String after = wanted.nextToken() == null ? "" : opened(call.caller(), wanted.nextToken());
        Instant now = rules.now();
        List<RetentionRule> found = rules.list(call.caller()).stream()
                .filter(rule -> rule.kind() == kind && rule.id().compareTo(after) > 0)
                .filter(rule -> rule.matching().containsAll(matching) && rule.excluded().containsAll(excluded))
                .filter(rule -> lockState.isEmpty() || rule.lockState(now).equals(lockState))
                .toList();
        List<RetentionRule> page = found.subList(0, Math.min(pageMax, found.size()));
        String next = page.size() < found.size() ? token(call.caller(), page.get(page.size() - 1).id(), now) : null;
        return RbinDoor.json(200, new RuleList(page.stream().map(rule -> summary(rule, now)).toList(), next));
    }

    HttpReply listTags(HttpCall call, String arn) {
        return RbinDoor.json(200, new TagList(shown(rules.read(call.caller(), ruleOf(call.caller(), arn)).tags())));
    }

    HttpReply tag(HttpCall call, String arn) {
        List<Tag> wanted = required("Tags", RbinJson.decode(call.body(), TagRequest.class).tags());
        rules.tag(call.caller(), ruleOf(call.caller(), arn), tags(wanted), Set.of());
        return RbinDoor.json(201, Map.of());
    }

    HttpReply untag(HttpCall call, String arn) {
        List<String> keys = call.query().getOrDefault("tagKeys", List.of());
        if (keys.isEmpty() || keys.size() > TAG_KEYS_MAX) {
            throw invalid("tagKeys names 1 to " + TAG_KEYS_MAX + " keys, not " + keys.size());
        }
        rules.tag(call.caller(), ruleOf(call.caller(), arn), Map.of(), Set.copyOf(keys));
        return HttpReply.NO_CONTENT;
    }

    private HttpReply answer(RetentionRule rule) {
        return RbinDoor.json(200, message(rule, null));
    }

    private Rule message(RetentionRule rule, List<Tag> tags) {
        Instant now = rules.now();
        return new Rule(
                rule.id(),
                rule.description(),
                name(rule.kind()),
                period(rule),
                shown(rule.matching()),
                shown(rule.excluded()),
                AVAILABLE,
                rule.lock().map(lock -> new LockConfiguration(new UnlockDelay(lock.unlockDays(), DAYS))).orElse(null),
                stateName(rule, now),
                rule.lock().flatMap(RetentionRule.Lock::endsAt).map(RbinJson::time).orElse(null),
                arn(rule),
                tags);
    }

    private static RuleSummary summary(RetentionRule rule, Instant now) {
        return new RuleSummary(rule.id(), rule.description(), period(rule), stateName(rule, now), arn(rule));
    }

    private static RetentionPeriod period(RetentionRule rule) {
        return new RetentionPeriod(rule.days(), DAYS);
    }

    private static String stateName(RetentionRule rule, Instant now) {
        return rule.lockState(now).map(state -> state.name().toLowerCase(Locale.ROOT)).orElse(null);
    }

    private static RetentionRule.LockState lockState(String name) {
        for (RetentionRule.LockState state : RetentionRule.LockState.values()) {
            if (state.name().toLowerCase(Locale.ROOT).equals(name)) {
                return state;
            }
        }
        throw invalid("LockState is locked, pending_unlock or unlocked, not \"" + Text.shown(name) + '"');
    }

    private static String arn(RetentionRule rule) {
        return arnPrefix(rule.region().name(), rule.owner().value()) + rule.id();
    }

    private static String arnPrefix(String region, String account) {
        return "arn:aws:rbin:" + region + ':' + account + ":rule/";
    }

    /** Whoever names another account's, or another region's, is told that there is none. */
    private static String ruleOf(Caller caller, String arn) {
        String prefix = arnPrefix(caller.region().name(), caller.account().value());
        if (!arn.startsWith(prefix)) {
            throw new StoreException(Fault.NOT_FOUND, "there is no rule " + Text.shown(arn));
        }
        return arn.substring(prefix.length());
    }

    private static Retention.Kind kind(String name) {
        Retention.Kind kind = KINDS.get(required("ResourceType", name));
        if (kind == null) {
            throw invalid(
                    "ResourceType is one of " + String.join(", ", KINDS.keySet()) + ", not \"" + Text.shown(name) + '"');
        }
        return kind;
    }

    private static String name(Retention.Kind kind) {
        return KINDS.entrySet().stream()
                .filter(each -> each.getValue() == kind)
                .map(Map.Entry::getKey)
                .findFirst()
                .orElseThrow();
    }

    private static int days(RetentionPeriod period) {
        requireDays("RetentionPeriodUnit", period.retentionPeriodUnit());
        return required("RetentionPeriodValue", period.retentionPeriodValue());
    }

    private static int unlockDays(LockConfiguration lock) {
        UnlockDelay delay = required("UnlockDelay", lock.unlockDelay());
        requireDays("UnlockDelayUnit", delay.unlockDelayUnit());
        return required("UnlockDelayValue", delay.unlockDelayValue());
    }

    private static void requireDays(String name, String unit) {
        if (!required(name, unit).equals(DAYS)) {
            throw invalid(name + " is " + DAYS + ", not \"" + Text.shown(unit) + '"');
        }
    }

    /** @return empty where they were not sent */
    private static Optional<List<RetentionRule.Match>> matches(List<ResourceTag> sent) {
        if (sent == null) {
            return Optional.empty();
        }
        List<RetentionRule.Match> matches = new ArrayList<>();
        for (ResourceTag tag : sent) {
            matches.add(new RetentionRule.Match(
                    required("ResourceTagKey", required("ResourceTag", tag).resourceTagKey()),
                    Optional.ofNullable(tag.resourceTagValue())));
        }
        return Optional.of(matches);
    }

    private static List<ResourceTag> shown(List<RetentionRule.Match> matches) {
        return matches.stream().map(each -> new ResourceTag(each.key(), each.value().orElse(null))).toList();
    }

    private static Map<String, String> tags(List<Tag> sent) {
        Map<String, String> tags = new HashMap<>();
        for (Tag tag : Optional.ofNullable(sent).orElse(List.of())) {
            String key = required("Key", required("Tag", tag).key());
            if (tags.put(key, required("Value", tag.value())) != null) {
                throw invalid("tag " + Text.shown(key) + " comes twice");
            }
        }
        return tags;
    }

    private static List<Tag> shown(Map<String, String> tags) {
        return new TreeMap<>(tags).entrySet().stream().map(tag -> new Tag(tag.getKey(), tag.getValue())).toList();
    }

    private static <T> T required(String name, T value) {
        if (value == null) {
            throw invalid(name + " is missing");
        }
        return value;
    }

    private String token(Caller caller, String last, Instant now) {
        return tokens.issue(context(caller), last.getBytes(StandardCharsets.UTF_8), now.plus(PAGE_TOKEN_LIFETIME));
    }

    private String opened(Caller caller, String token) {
        try {
            return new String(tokens.open(context(caller), token), StandardCharsets.UTF_8);
        } catch (StoreException e) {
            throw RbinFailure.invalidPageToken();
        }
    }

    private static String context(Caller caller) {
        return "rbin rules|" + caller.account() + '|' + caller.region();
    }
}
