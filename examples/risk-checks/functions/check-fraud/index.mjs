// Looks for signs of fraud in an application.

const RULES = [
  { points: 60, reason: "throw-away e-mail address", matches: ({ applicant }) => /@(mailinator|trashmail)\./.test(applicant.email ?? "") },
  { points: 40, reason: "country of the connection differs", matches: ({ applicant, connection }) => connection?.country && connection.country !== applicant.country },
  { points: 30, reason: "very large amount", matches: ({ amount }) => amount > 50_000 },
];

/** Scores an application from 0 (certainly fraud) to 100. */
export const handler = async (event) => {
  const hits = RULES.filter((rule) => rule.matches(event));
  const points = hits.reduce((sum, rule) => sum + rule.points, 0);
  return { check: "fraud", score: Math.max(0, 100 - points), reason: hits.map((rule) => rule.reason).join("; ") || "nothing unusual" };
};
