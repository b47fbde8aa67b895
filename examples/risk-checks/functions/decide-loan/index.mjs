// Turns the results of the checks into one decision.

/** Decides on `{checks: [{check, score, reason}]}`: the worst check counts. Callback style, as older functions are written. */
export const handler = (event, context, callback) => {
  const worst = event.checks.reduce((a, b) => (b.score < a.score ? b : a));
  const decision = worst.score >= 50 ? "APPROVED" : worst.score >= 20 ? "REVIEW" : "REJECTED";
  callback(null, { decision, worstCheck: worst.check, score: worst.score, reason: worst.reason });
};
