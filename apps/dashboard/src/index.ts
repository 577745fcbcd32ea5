export type { DashboardInstance, DashboardLog } from './instances/dashboard-instance.ts';
export { type DashboardOptions, type RunningDashboard, serveDashboard } from './serve-dashboard.ts';
